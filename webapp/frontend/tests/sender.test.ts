// The sender between two tabs, a server that refuses, and a connection that stands still. Only what
// the browser gives is stood in for here: window, locks and fetch.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { hasArrived } from "../src/record/arrival";
import { Outbox, type Take } from "../src/record/outbox";
import { Sender, type Status } from "../src/record/sender";
import { GrowingSource } from "../src/record/source";
import { transfer } from "../src/record/transfer";

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

  private async grant(name: string, granted: Granted): Promise<void> {
    const closed = new Promise<void>((resolve) => this.held.set(name, resolve));
    await Promise.race([granted({ name }), closed]);
    this.held.delete(name);
    const next = this.waiting.findIndex(([wanted]) => wanted === name);
    const [found] = next < 0 ? [] : this.waiting.splice(next, 1);
    if (found) void this.grant(...found);
  }
}

const locks = new Locks();
let answer = (_path: string): Response | Promise<Response> => new Promise(() => undefined);
let asked: string[] = [];
Object.assign(globalThis, {
  // Pauses end at once: a test waits for nothing.
  window: { addEventListener: () => undefined, setTimeout: setImmediate, clearTimeout: clearImmediate },
  document: { cookie: "" },
  location: { href: "http://localhost/" },
  fetch: async (path: string) => {
    asked.push(path);
    return answer(path);
  },
});
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });

afterEach(() => {
  locks.closeTab();
  asked = [];
  answer = () => new Promise(() => undefined);
});

const take = (fields: Partial<Take> = {}): Take => ({
  id: crypto.randomUUID(),
  user: "7",
  screening: "s",
  step: "st",
  expression: "smile",
  mimeType: "video/mp4",
  createdAt: Date.now(),
  state: "recording",
  announced: null,
  clip: null,
  uploadUrl: null,
  ...fields,
});
const announced = { seconds: 4, frames: 100, cues: [], interrupted: false, mime_type: "video/mp4" };
const finished = (fields: Partial<Take> = {}): Take => take({ state: "finished", announced, ...fields });
const refusal = (status: number): Response => Response.json({ code: "no", detail: "No." }, { status });
const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 2000; n += 1) {
    if (await holds()) return;
    await turn();
  }
  assert.fail("it never came to that");
}

/** A sender on its own connection to the outbox, as each tab has one. */
async function tab(name: string): Promise<{ outbox: Outbox; sender: Sender; phases: string[] }> {
  const phases: string[] = [];
  const outbox = await Outbox.open(name);
  const onChange = ({ phase }: Status): void => void (phases.at(-1) !== phase && phases.push(phase));
  return { outbox, sender: new Sender(outbox, onChange), phases };
}

test("a tab leaves alone what another one is recording or sending", async () => {
  const [first, second] = [await tab("two"), await tab("two")];
  const [running, sent] = [take(), finished()];
  await first.sender.begin(running);
  await first.sender.chunk(running.id, 0, bytes(1));
  await first.outbox.put(sent);
  await first.sender.resume("7");
  assert.deepEqual(await second.sender.resume("7"), []);
  assert.deepEqual(second.sender.unsent(), []);
  await first.sender.chunk(running.id, 1, bytes(2));
  assert.equal((await first.outbox.chunks(running.id)).length, 2);
  assert.equal((await first.outbox.takes("7")).length, 2);
});

test("when the other tab closes, this one goes on with what it left", async () => {
  const [first, second] = [await tab("closed"), await tab("closed")];
  const left = finished();
  await first.outbox.put(left);
  await first.sender.resume("7");
  await second.sender.resume("7");
  assert.equal(second.sender.unsent().length, 0);
  locks.closeTab();
  await until(() => second.sender.unsent()[0]?.take === left.id);
});

test("a recording whose page died is told of once, and not kept", async () => {
  const { outbox, sender } = await tab("died");
  await outbox.put(take({ id: "dead" }));
  await outbox.addChunk("dead", 0, bytes(1));
  assert.deepEqual((await sender.resume("7")).map((one) => one.id), ["dead"]);
  assert.deepEqual([await outbox.takes("7"), await outbox.chunks("dead")], [[], []]);
});

test("an upload that is gone is never the end of the only copy", async () => {
  const { outbox, sender, phases } = await tab("gone");
  const kept = finished();
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2));
  answer = () => refusal(404);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(asked.length, 6);
  assert.equal((await outbox.chunks(kept.id)).length, 1);
  assert.deepEqual([sender.unsent().length, sender.underway().length], [1, 0]);
  assert.equal(sender.statusOf("st")?.words, "No.");
  sender.retry(kept.id);
  await until(() => asked.length === 12 && phases.at(-1) === "refused");
  await sender.drop(kept.id);
  assert.deepEqual([await outbox.takes("7"), sender.unsent()], [[], []]);
});

test("an hour without connection uses up no try for an upload that is gone", async () => {
  const { outbox, sender, phases } = await tab("hour");
  await outbox.put(finished());
  answer = () => refusal(asked.length <= 20 ? 503 : 404);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(asked.length, 26);
});

test("a wrong state that stays is refused after its own number of tries, and kept", async () => {
  const { outbox, sender, phases } = await tab("conflict");
  const kept = finished();
  await outbox.put(kept);
  answer = () => refusal(asked.length <= 20 ? 503 : 409);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(asked.length, 29);
  assert.ok(await outbox.get(kept.id));
});

test("only a clip with this recording's size counts as arrived", async () => {
  const clip = (state: string, size: number | null) => () => Response.json({ state, size });
  const sent = finished({ clip: "c" });
  answer = clip("measured", 5);
  assert.equal(await hasArrived(sent, 5), true);
  assert.equal(await hasArrived(sent, 6), false);
  assert.equal(await hasArrived(take({ clip: "c" }), 5), false);
  answer = clip("skipped", null);
  assert.equal(await hasArrived(sent, 5), false);
  answer = clip("superseded", null);
  assert.equal(await hasArrived(sent, 5), false);
});

async function serve(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("an upload request that stands still is given up, with the upload to go on later", async () => {
  let requests = 0;
  const silent = createServer(() => {
    requests += 1;
  });
  const here = location.href;
  location.href = await serve(silent);
  try {
    const running = transfer({
      take: finished({ clip: "c" }),
      source: new GrowingSource(),
      onUrl: () => Promise.resolve(),
      onProgress: () => undefined,
      patience: 40,
    });
    await assert.rejects(running.done, /stood still/);
    assert.equal(requests, 1);
  } finally {
    location.href = here;
    silent.closeAllConnections();
    silent.close();
  }
});

test("waiting for a recording to grow is not standing still", async () => {
  const willing = createServer((request, response) => {
    response.writeHead(201, { Location: "/up/1", "Tus-Resumable": "1.0.0" }).end();
    request.resume();
  });
  const here = location.href;
  location.href = await serve(willing);
  try {
    const url = await new Promise<string | null>((resolve, reject) => {
      const running = transfer({
        take: take({ clip: "c" }),
        source: new GrowingSource(),
        onUrl: (found) => {
          // Longer than the patience: nothing may be given up meanwhile.
          setTimeout(() => void running.abort().then(() => resolve(found)), 120);
          return Promise.resolve();
        },
        onProgress: () => undefined,
        patience: 40,
      });
      running.done.catch(reject);
    });
    assert.equal(url, `${location.href}up/1`);
  } finally {
    location.href = here;
    willing.closeAllConnections();
    willing.close();
  }
});
