// A numbered stream of events over a WebSocket: reconnects by itself and asks for what it missed.
import type { LiveEvent } from "./types";

type Message =
  | { type: "hello"; last: number }
  | { type: "reload"; last: number }
  | ({ type: "event" } & LiveEvent);
export type Verdict = "deliver" | "ignore" | "gap";

/** What to do with event number ``got`` when ``last`` was the last one delivered. */
export function judge(last: number, got: number): Verdict {
  if (got <= last) return "ignore";
  return got === last + 1 ? "deliver" : "gap";
}

/**
 * Milliseconds to wait before attempt ``n`` (0, 1, …): doubling from a second, at most 15 s, and
 * spread so widely that the pages of a whole clinic do not come back in the same moment.
 */
export function backoff(n: number, random: number = Math.random()): number {
  return Math.min(15_000, 1000 * 2 ** n) * (0.25 + random);
}

/** Why a stream ended for good. */
export type Ending = "logged out" | "not allowed";

export interface LiveOptions {
  path: string;
  after: number;
  onEvent: (event: LiveEvent) => void;
  /** Something may have changed unheard, after every (re)connection: ask the API for everything. */
  onStale: () => void;
  /** Called with true after every (re)connection, with false when it is lost. */
  onConnection?: (connected: boolean) => void;
  /** The server will not have us any more; nothing is tried again. */
  onEnd?: (why: Ending) => void;
}

const ENDINGS: Record<number, Ending> = { 4401: "logged out", 4403: "not allowed" };
const TOO_MANY = 4429;
/** A line that says nothing for so long after it was dialled is given up. */
const HELLO_MS = 30_000;
/** A connection that held for less is no reason to hurry with the next one. */
const HELD_MS = 10_000;
/** After so long in the background, or asleep, a line that looks open may be a dead one. */
const HIDDEN_MS = 30_000;

export class Live {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last: number;
  private ended = false;
  private greetedAt = 0;
  private hiddenAt = 0;

  constructor(private readonly options: LiveOptions) {
    this.last = options.after;
    this.connect();
    // Another network: the old line is gone, though nobody may have told it.
    window.addEventListener("online", () => this.renew());
    window.addEventListener("pageshow", (event) => event.persisted && this.renew());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.hiddenAt = Date.now();
      else if (!this.socket || Date.now() - this.hiddenAt > HIDDEN_MS) this.renew();
    });
  }

  private connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(
      `${scheme}://${location.host}${this.options.path}?after=${this.last}`,
    );
    this.socket = socket;
    this.greetedAt = 0;
    this.timer = setTimeout(() => this.lose(socket), HELLO_MS);
    socket.onmessage = (message) => {
      if (this.socket === socket) this.receive(JSON.parse(String(message.data)) as Message);
    };
    socket.onclose = (event) => this.lose(socket, event.code);
  }

  private receive(message: Message): void {
    if (message.type === "hello") {
      clearTimeout(this.timer);
      this.greetedAt = Date.now();
      this.options.onConnection?.(true);
      this.options.onStale();
    } else if (message.type === "reload") {
      // What was missed is too much, or gone: the numbers go on from here.
      this.last = message.last;
      this.options.onStale();
    } else if (message.type === "event") {
      const verdict = judge(this.last, message.number);
      if (verdict === "deliver") {
        this.last = message.number;
        this.options.onEvent(message);
      } else if (verdict === "gap") {
        this.socket?.send(JSON.stringify({ type: "replay", after: this.last }));
      }
    }
  }

  /** The line is gone: try again later, unless the server said that it is no use. */
  private lose(socket: WebSocket, code = 0): void {
    if (this.socket !== socket) return;
    this.drop();
    this.options.onConnection?.(false);
    const why = ENDINGS[code];
    if (why) {
      this.ended = true;
      this.options.onEnd?.(why);
      return;
    }
    if (this.greetedAt && Date.now() - this.greetedAt > HELD_MS) this.attempts = 0;
    if (code === TOO_MANY) this.attempts = Math.max(this.attempts, 6);
    this.timer = setTimeout(() => this.connect(), backoff(this.attempts++));
  }

  /** A new line at once, because somebody looks, or the network came back. */
  private renew(): void {
    if (this.ended) return;
    this.drop();
    this.attempts = 0;
    this.connect();
  }

  private drop(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}

/** Runs ``load`` now and again whenever asked, one at a time; a call during a run means one more. */
export function refresher(load: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      try {
        await load();
      } catch (error) {
        console.error(error);
      }
    } while (again);
    running = false;
  };
  return () => void run();
}
