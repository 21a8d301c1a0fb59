// What the browser gives a sender, stood in for: window, locks and fetch. And a clinic's server.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { ClientRequest, createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach } from "node:test";
import { Outbox, type Take } from "../src/record/outbox";
import { Sender } from "../src/record/sender";
import type { Status } from "../src/record/sending";
import type { Clip } from "../src/shared/types";
import { take } from "./takes";

// The upload client sends a Blob, as in a browser; Node's requests take bytes only.
const end = ClientRequest.prototype.end as (this: ClientRequest, body?: unknown) => ClientRequest;
Object.assign(ClientRequest.prototype, {
  end(this: ClientRequest, body?: unknown): ClientRequest {
    if (!(body instanceof Blob)) return end.call(this, body);
    void body.arrayBuffer().then((bytes) => end.call(this, Buffer.from(bytes)));
    return this;
  },
});

type Granted = (lock: object | null) => unknown;

/** The browser's lock manager, in small; ``closeTab`` frees what the tabs hold now. */
class Locks {
  private held = new Map<string, () => void>();
  private waiting: [string, Granted][] = [];

  async request(name: string, { ifAvailable }: LockOptions, granted: Granted): Promise<void> {
    if (!this.held.has(name)) return this.grant(name, granted);
    if (ifAvailable) await granted(null);
    else this.waiting.push([name, granted]);
  }

  closeTab(): void {
    for (const free of [...this.held.values()]) free();
  }

  isHeld(take: string): boolean {
    return this.held.has(`mimia-take-${take}`);
  }

  private async grant(name: string, granted: Granted): Promise<void> {
    const closed = new Promise<void>((resolve) => this.held.set(name, resolve));
    await Promise.race([granted({ name }), closed]);
    this.held.delete(name);
    const next = this.waiting.findIndex(([wanted]) => wanted === name);
    const [found] = next < 0 ? [] : this.waiting.splice(next, 1);
    if (found) void this.grant(...found);
  }
}

type Answer = (path: string, request: RequestInit) => Response | Promise<Response>;

const silence: Answer = () => new Promise(() => undefined);

/** What a test says to the sender, and what it heard of it. */
export const page = {
  answer: silence,
  asked: [] as string[],
  pauses: [] as number[],
  /** What the window's listeners are, by the event's name. */
  heard: new Map<string, () => void>(),
  /** Pauses end at once, and are noted: a test waits for nothing. False: they last. */
  isHurried: true,
};

/** However busy the machine is, what is waited for comes sooner than this; in vain, the wait ends. */
const PATIENCE_MS = 240_000;
export const locks = new Locks();
Object.assign(globalThis, {
  window: {
    addEventListener: (type: string, heard: () => void) => void page.heard.set(type, heard),
    setTimeout: (over: () => void, milliseconds: number) => {
      page.pauses.push(milliseconds);
      return page.isHurried ? setImmediate(over) : null;
    },
    clearTimeout: (timer: NodeJS.Immediate | null) => timer && clearImmediate(timer),
  },
  document: { cookie: "", documentElement: { dataset: {} } },
  location: { href: "http://localhost/" },
  fetch: async (path: string, request: RequestInit) => {
    page.asked.push(path);
    return page.answer(path, request);
  },
});
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });

afterEach(() => {
  locks.closeTab();
  page.asked = [];
  page.pauses = [];
  page.heard.clear();
  page.answer = silence;
  page.isHurried = true;
});

export const announced = {
  seconds: 4,
  frames: 100,
  cues: [],
  interrupted: false,
  mime_type: "video/mp4",
};
export const finished = (fields: Partial<Take> = {}): Take =>
  take({ state: "finished", announced, ...fields });
export const refusal = (status: number, headers = {}, code = "no"): Response =>
  Response.json({ code, detail: "No." }, { status, headers });
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets everything else run until this holds. */
export async function until(holds: () => boolean, failing?: Promise<unknown>): Promise<void> {
  const begun = performance.now();
  while (!holds()) {
    assert.ok(performance.now() - begun < PATIENCE_MS, `waited in vain until ${holds}`);
    await Promise.race([turn(), ...(failing ? [failing] : [])]);
  }
}

export interface Tab {
  outbox: Outbox;
  sender: Sender;
  phases: string[];
  /** Every status that was told, and the clip that came with it. */
  told: [Status, Clip | null][];
}

/** A sender on its own connection to the outbox, as each tab has one. */
export async function tab(name: string): Promise<Tab> {
  const phases: string[] = [];
  const told: [Status, Clip | null][] = [];
  const outbox = await Outbox.open(name);
  const sender = new Sender(outbox, (status, clip) => {
    told.push([status, clip]);
    if (phases.at(-1) !== status.phase) phases.push(status.phase);
  });
  return { outbox, sender, phases, told };
}

/** What our server says over HTTP: 201 to a creation for one of these clips, 409 or 404 to others. */
export function clinic(known: Set<string>, created: string[], refused: number): Server {
  return createServer((request, response) => {
    const clip = /clips\/([^/]+)\/uploads/.exec(request.url ?? "")?.[1] ?? "";
    if (request.method === "POST" && clip) created.push(clip);
    request.resume().on("end", () => {
      const headers = { "Tus-Resumable": "1.0.0", "Content-Type": "application/json" };
      if (known.has(clip)) response.writeHead(201, { ...headers, Location: "/up/1" }).end();
      else response.writeHead(refused, headers).end('{"code": "no", "detail": "No."}');
    });
  });
}

export async function serve(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
