// A numbered stream of events over a WebSocket: reconnects by itself and asks for what it missed.
import type { LiveEvent } from "./types";

type Message = { type: "hello"; last: number } | ({ type: "event" } & LiveEvent);
export type Verdict = "deliver" | "ignore" | "gap";

/** What to do with event number ``got`` when ``last`` was the last one delivered. */
export function judge(last: number, got: number): Verdict {
  if (got <= last) return "ignore";
  return got === last + 1 ? "deliver" : "gap";
}

/** Milliseconds to wait before attempt ``n`` (0, 1, …): doubling from half a second, at most 15 s. */
export function backoff(n: number, random: number = Math.random()): number {
  return Math.min(15_000, 500 * 2 ** n) * (0.75 + random / 2);
}

export interface LiveOptions {
  path: string;
  after: number;
  onEvent: (event: LiveEvent) => void;
  /** Called with true after every (re)connection, with false when it is lost. */
  onConnection?: (connected: boolean) => void;
}

const LOST_MEMBERSHIP = 4403;

export class Live {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private timer = 0;
  private last: number;
  private closed = false;

  constructor(private readonly options: LiveOptions) {
    this.last = options.after;
    this.connect();
    window.addEventListener("online", () => this.hurry());
    window.addEventListener("pageshow", () => this.hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
  }

  private connect(): void {
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(
      `${scheme}://${location.host}${this.options.path}?after=${this.last}`,
    );
    this.socket = socket;
    socket.onmessage = (message) => this.receive(JSON.parse(String(message.data)) as Message);
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.options.onConnection?.(false);
      if (event.code === LOST_MEMBERSHIP) this.closed = true;
      else this.timer = window.setTimeout(() => this.connect(), backoff(this.attempts++));
    };
  }

  private receive(message: Message): void {
    if (message.type === "hello") {
      this.attempts = 0;
      this.options.onConnection?.(true);
      return;
    }
    if (message.type !== "event") return;
    const verdict = judge(this.last, message.number);
    if (verdict === "deliver") {
      this.last = message.number;
      this.options.onEvent(message);
    } else if (verdict === "gap") {
      this.socket?.send(JSON.stringify({ type: "replay", after: this.last }));
    }
  }

  private hurry(): void {
    if (this.closed || this.socket) return;
    window.clearTimeout(this.timer);
    this.attempts = 0;
    this.connect();
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
