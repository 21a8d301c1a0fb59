// One take: a MediaRecorder with a fixed window that is counted from its own "start" event, and a
// watch on the camera, which may end, freeze or turn without any event.
import type { Cue } from "../shared/types";
import type { Ending } from "./endings";
import type { Announced } from "./outbox";
import { Stillness, Watcher } from "./stillness";

// Shorter slices make Safari deliver empty chunks.
const TIMESLICE = 2000;
const BITS_PER_SECOND = 2_500_000;
/** A "start" or "stop" that has not come for this long will not come (iOS may never fire it). */
const PATIENCE = 10_000;
const LOOK_EVERY = 250;
/** So long (ms) without anything new: the picture stands still. */
const STILL = 3000;
/** So long at the end of the window: it froze before the end. */
const STILL_AT_END = 1500;

export interface TakeOptions {
  stream: MediaStream;
  preview: HTMLVideoElement;
  mimeType: string;
  seconds: number;
  cues: readonly Cue[];
  onStart: (mimeType: string) => void;
  /** Seconds since the recorder's start, on every animation frame. */
  onTime: (seconds: number) => void;
  onChunk: (bytes: ArrayBuffer, index: number) => Promise<void>;
  onWindowOver: () => void;
}

export type Outcome =
  | { ok: true; announced: Announced }
  | { ok: false; why: Ending };

export interface Running {
  outcome: Promise<Outcome>;
  cancel: () => void;
}

/** Records one take; resolves when every chunk is stored, or with what ended it before. */
export function recordTake(options: TakeOptions): Running {
  try {
    const take = new OneTake(options);
    return { outcome: take.outcome, cancel: () => take.end("stopped") };
  } catch (error) {
    console.info("the recorder cannot start:", error);
    return { outcome: Promise.resolve({ ok: false, why: "unstarted" }), cancel: () => undefined };
  }
}

class OneTake {
  readonly outcome: Promise<Outcome>;
  private readonly recorder: MediaRecorder;
  private readonly track: MediaStreamTrack | undefined;
  private readonly watcher: Watcher;
  private readonly stillness = new Stillness();
  private readonly shown: Cue[] = [];
  private readonly away = new AbortController();
  private resolve: (outcome: Outcome) => void = () => undefined;
  private size: [number, number] = [0, 0];
  private stillFor = 0;
  private startedAt = 0;
  private endedAt = 0;
  private index = 0;
  private stored = Promise.resolve();
  private over = false;
  private frame = 0;
  private looking = 0;
  private patience = 0;

  /** Throws what the browser throws where no recorder can be made or started. */
  constructor(private readonly options: TakeOptions) {
    this.recorder = new MediaRecorder(options.stream, recorderOptions(options.mimeType));
    this.track = options.stream.getVideoTracks()[0];
    this.outcome = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.watcher = new Watcher(options.preview);
    this.listen();
    try {
      this.recorder.start(TIMESLICE);
    } catch (error) {
      this.away.abort();
      this.watcher.stop();
      throw error;
    }
    this.looking = window.setInterval(() => this.look(), LOOK_EVERY);
    this.patience = window.setTimeout(() => this.end("unstarted"), PATIENCE);
  }

  end(why: Ending): void {
    this.settle({ ok: false, why });
  }

  private settle(outcome: Outcome): void {
    if (this.over) return;
    this.over = true;
    cancelAnimationFrame(this.frame);
    window.clearInterval(this.looking);
    window.clearTimeout(this.patience);
    this.away.abort();
    this.watcher.stop();
    try {
      if (this.recorder.state !== "inactive") this.recorder.stop();
    } catch {
      // It is over all the same.
    }
    this.resolve(outcome);
  }

  private listen(): void {
    const { recorder, track } = this;
    const { signal } = this.away;
    const onHidden = (event: Event): void => {
      if (event.type === "pagehide" || document.visibilityState === "hidden") this.end("hidden");
    };
    document.addEventListener("visibilitychange", onHidden, { signal });
    window.addEventListener("pagehide", onHidden, { signal });
    track?.addEventListener("mute", () => this.end("muted"), { signal });
    track?.addEventListener("ended", () => this.end("ended"), { signal });
    recorder.onstart = (event) => this.started(event);
    recorder.ondataavailable = ({ data }) => {
      if (this.over || data.size === 0) return;
      const { onChunk } = this.options;
      this.stored = this.stored.then(async () => onChunk(await data.arrayBuffer(), this.index++));
      this.stored.catch(() => this.end("failed"));
    };
    recorder.onerror = () => this.end(this.hasTurned() ? "turned" : "failed");
    recorder.onstop = () => void this.stopped();
  }

  private started(event: Event): void {
    if (this.over) return;
    window.clearTimeout(this.patience);
    this.watcher.restart();
    // The event carries the moment of its own; the call to start() came earlier.
    this.startedAt = event.timeStamp > 0 ? event.timeStamp : performance.now();
    this.options.onStart(this.recorder.mimeType);
    this.frame = requestAnimationFrame(this.follow);
  }

  private readonly follow = (): void => {
    const now = (performance.now() - this.startedAt) / 1000;
    const { cues, seconds, onTime } = this.options;
    for (const cue of cues.slice(this.shown.length)) {
      if (cue.at <= now) this.shown.push({ at: Math.round(now * 1000) / 1000, kind: cue.kind });
    }
    onTime(Math.min(now, seconds));
    if (now < seconds) this.frame = requestAnimationFrame(this.follow);
    else this.finish();
  };

  /** What no event tells of: a track that ended or fell silent, a picture that froze or turned. */
  private look(): void {
    if (this.endedAt) return;
    const { track } = this;
    if (!track || track.readyState === "ended") return this.end("ended");
    if (track.muted) return this.end("muted");
    if (this.hasTurned()) return this.end("turned");
    this.stillFor = this.stillness.feed(this.watcher.look(), performance.now());
    if (this.stillFor >= STILL) this.end("still");
  }

  private hasTurned(): boolean {
    const { videoWidth, videoHeight } = this.options.preview;
    if (!videoWidth || !videoHeight) return false;
    const [width, height] = this.size;
    this.size = [videoWidth, videoHeight];
    return width > 0 && (width !== videoWidth || height !== videoHeight);
  }

  private finish(): void {
    this.look();
    if (this.over) return;
    if (this.stillFor >= STILL_AT_END) return this.end("still");
    this.endedAt = performance.now();
    this.options.onWindowOver();
    this.recorder.stop();
    this.patience = window.setTimeout(() => this.end("failed"), PATIENCE);
  }

  private async stopped(): Promise<void> {
    if (!this.endedAt) return this.end(this.startedAt ? "ended" : "unstarted");
    // Only the recorder is waited for: what it gave is stored within the outbox's own limits.
    window.clearTimeout(this.patience);
    try {
      await this.stored;
    } catch {
      return this.end("failed");
    }
    if (this.index === 0) return this.end("empty");
    const announced: Announced = {
      seconds: Math.round(this.endedAt - this.startedAt) / 1000,
      frames: this.watcher.stop(),
      cues: this.shown,
      interrupted: false,
      mime_type: this.recorder.mimeType,
    };
    this.settle({ ok: true, announced });
  }
}

function recorderOptions(mimeType: string): MediaRecorderOptions {
  const options: MediaRecorderOptions & { videoKeyFrameIntervalDuration?: number } = {
    videoBitsPerSecond: BITS_PER_SECOND,
    // Chromium cuts MP4 chunks at keyframes only: one a second lets the upload keep up.
    videoKeyFrameIntervalDuration: 1000,
  };
  return mimeType ? { ...options, mimeType } : options;
}
