// Handing a screening in: once everything has arrived, and again by itself while the way is closed.
import { ApiError, call, sentenceOf } from "../shared/api";
import type { Sender } from "./sender";

const AGAIN_MS = 5000;

export interface HandInHooks {
  onChange: () => void;
  onDone: () => void;
  refresh: () => Promise<void>;
}

export class HandIn {
  /** From the person's word until the server has it, or says no. */
  isUnderway = false;
  problem = "";
  private isAsking = false;
  private timer = 0;

  constructor(
    private readonly sender: Sender,
    private readonly screening: string,
    private readonly hooks: HandInHooks,
  ) {}

  async start(): Promise<void> {
    this.isUnderway = true;
    this.problem = "";
    await this.goOn();
  }

  /** Called whenever a recording arrives or a pause is over. */
  async goOn(): Promise<void> {
    if (!this.isUnderway || this.isAsking) return;
    const unsent = this.sender.unsent();
    // What was refused waits for the person's word: the overview asks for it.
    if (unsent.some(({ phase }) => phase === "refused")) this.isUnderway = false;
    if (unsent.length === 0) await this.ask();
    this.hooks.onChange();
  }

  private async ask(): Promise<void> {
    window.clearTimeout(this.timer);
    this.isAsking = true;
    try {
      await call("POST", `screenings/${this.screening}/submit/`);
      this.hooks.onDone();
    } catch (error) {
      this.problem = sentenceOf(error);
      const failure = error instanceof ApiError ? error : null;
      const isConflict = failure?.status === 409 && !failure.isForeign;
      this.isUnderway = failure?.isPassing === true && !isConflict;
      const wait = Math.max(AGAIN_MS, failure?.retryAfter ?? 0);
      if (this.isUnderway) this.timer = window.setTimeout(() => void this.goOn(), wait);
      // Perhaps it was handed in, and only the answer was lost: then this leads on.
      if (isConflict) await this.hooks.refresh().catch(() => undefined);
    } finally {
      this.isAsking = false;
    }
  }
}
