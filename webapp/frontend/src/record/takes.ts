// Takes of this page: recorded into the outbox while they run, kept for replay, the newest counting.
import type { Step } from "../shared/types";
import { ENDINGS } from "./endings";
import { pickMime } from "./mime";
import type { Take } from "./outbox";
import { type Outcome, recordTake } from "./recorder";
import type { Sender } from "./sender";

export interface Hooks {
  onStart: () => void;
  /** Seconds since the recorder's start. */
  onTime: (seconds: number) => void;
  onWindowOver: () => void;
}

export class Takes {
  private readonly done = new Map<string, Blob>();
  private readonly failedMimes = new Set<string>();
  private cancel: (() => void) | null = null;

  constructor(
    private readonly sender: Sender,
    private readonly user: string,
    private readonly screening: string,
  ) {}

  get isRunning(): boolean {
    return this.cancel !== null;
  }

  stop(): void {
    this.cancel?.();
  }

  /** What was recorded of a step on this page, for replay. */
  recordingOf(step: string): Blob | null {
    return this.done.get(step) ?? null;
  }

  /** Records one take of ``step``; one that is not whole is forgotten. Never rejects. */
  async run(
    step: Step,
    stream: MediaStream,
    preview: HTMLVideoElement,
    hooks: Hooks,
  ): Promise<Outcome> {
    const id = crypto.randomUUID();
    const asked = pickMime((type) => MediaRecorder.isTypeSupported(type), this.failedMimes);
    const parts: ArrayBuffer[] = [];
    let mimeType = asked;
    let begun: Promise<void> = Promise.resolve();
    const running = recordTake({
      stream,
      preview,
      mimeType: asked,
      seconds: step.seconds,
      cues: step.cues,
      onStart: (type) => {
        mimeType = type;
        begun = this.sender.begin(this.fresh(id, step, type));
        hooks.onStart();
      },
      onTime: hooks.onTime,
      onChunk: async (bytes, index) => {
        parts.push(bytes);
        await begun;
        await this.sender.chunk(id, index, bytes);
      },
      onWindowOver: hooks.onWindowOver,
    });
    this.cancel = running.cancel;
    const outcome = await running.outcome;
    this.cancel = null;
    await begun;
    if (!outcome.ok) {
      await this.sender.drop(id);
      if (ENDINGS[outcome.why].container) this.avoid(asked);
      return outcome;
    }
    // First this one is whole, then the earlier ones go: no moment is without a recording.
    await this.sender.finish(id, outcome.announced);
    await this.dropEarlier(step.id, id);
    this.done.set(step.id, new Blob(parts, { type: mimeType }));
    return outcome;
  }

  /** Only the newest take of a step counts: what is still unsent of older ones is given up. */
  async dropEarlier(step: string, except = ""): Promise<void> {
    for (const status of this.sender.unsent()) {
      if (status.step === step && status.take !== except) await this.sender.drop(status.take);
    }
  }

  /** The next take records into another container; once all have failed, all are tried again. */
  private avoid(mimeType: string): void {
    if (mimeType) this.failedMimes.add(mimeType);
    else this.failedMimes.clear();
  }

  private fresh(id: string, step: Step, mimeType: string): Take {
    return {
      id,
      user: this.user,
      screening: this.screening,
      step: step.id,
      expression: step.expression,
      mimeType,
      createdAt: Date.now(),
      state: "recording",
      announced: null,
      clip: null,
      uploadUrl: null,
    };
  }
}
