// People who work here are signed out when they are away. The page tells the server of their own
// acts (what it reads by itself is none), warns before the end, and leaves once when it is over.
import { call } from "./api";
import { button, h } from "./dom";
import { leave } from "./leave";
import { recall, remember } from "./remembered";

const TELL_MS = 60_000;
const WARN_MS = 120_000;
const LOOK_MS = 5_000;
const SHARED = "mimia.last-act";
const ACTS = ["pointerdown", "keydown", "wheel", "touchstart"] as const;

export type Verdict = "here" | "warn" | "over";

/** What to do ``now`` when the last act, of this page or another one, was at ``last``. */
export function judge(now: number, last: number, idleMs: number): Verdict {
  const left = idleMs - (now - last);
  if (left <= 0) return "over";
  return left <= Math.min(WARN_MS, idleMs / 2) ? "warn" : "here";
}

/** The last act on any page of this browser; storage that is refused means this page's alone. */
function shared(): number {
  return Number(recall(SHARED));
}

function share(at: number): void {
  remember(SHARED, String(at));
}

class Watch {
  private last = Date.now();
  private told = Date.now();
  private notice: HTMLElement | null = null;

  constructor(private readonly idleMs: number) {
    share(this.last);
    for (const kind of ACTS) {
      document.addEventListener(kind, () => this.act(), { passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => this.look());
    window.setInterval(() => this.look(), LOOK_MS);
  }

  private act(): void {
    // Once the time is over an act does not bring it back: the server has closed the session.
    if (judge(Date.now(), Math.max(this.last, shared()), this.idleMs) === "over") return this.look();
    this.last = Date.now();
    share(this.last);
    if (this.last - this.told >= TELL_MS || this.notice) this.tell();
  }

  private look(): void {
    const now = Date.now();
    const verdict = judge(now, Math.max(this.last, shared()), this.idleMs);
    if (this.last > this.told && now - this.told >= TELL_MS) this.tell();
    if (verdict === "over") this.leave();
    else if (verdict === "warn") this.warn();
    else this.unwarn();
  }

  private tell(): void {
    this.told = Date.now();
    this.unwarn();
    void call("POST", "me/active/").catch((error: unknown) => {
      if (error instanceof Error && "status" in error && error.status === 401) this.leave();
    });
  }

  private warn(): void {
    if (this.notice) return;
    this.notice = h(
      "div",
      { class: "idle note warn", role: "alert" },
      h("p", {}, "You will be signed out soon, because nothing was done for a while."),
      h("p", { class: "actions" }, button("Stay signed in", () => this.act())),
    );
    document.body.append(this.notice);
  }

  private unwarn(): void {
    this.notice?.remove();
    this.notice = null;
  }

  private leave(): void {
    // The server signs out and leads back here after the next log-in.
    leave(location.pathname + location.search);
  }
}

export function watchIdle(): void {
  const seconds = Number(document.body.dataset.idleSeconds ?? 0);
  if (seconds > 0) new Watch(seconds * 1000);
}
