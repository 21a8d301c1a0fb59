// One take: a MediaRecorder with a fixed window that is counted from its own "start" event.
import type { Cue } from "../shared/types";
import type { Interruption } from "./machine";
import type { Announced } from "./outbox";

// Shorter slices make Safari deliver empty chunks.
const TIMESLICE = 2000;
const BITS_PER_SECOND = 2_500_000;
/** iOS may never fire "stop"; after this long without it the take counts as failed. */
const STOP_PATIENCE = 8000;

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
  | { ok: false; why: Interruption };

/** Records one take; resolves when every chunk is stored, or when something interrupted it. */
export function recordTake(options: TakeOptions): { outcome: Promise<Outcome>; cancel: () => void } {
  const { promise, resolve } = deferred<Outcome>();
  const recorder = new MediaRecorder(options.stream, recorderOptions(options.mimeType));
  const track = options.stream.getVideoTracks()[0];
  const counter = new FrameCounter(options.preview);
  const shown: Cue[] = [];
  let startedAt = 0;
  let endedAt = 0;
  let index = 0;
  let stored = Promise.resolve();
  let over = false;
  let timer = 0;

  const settle = (outcome: Outcome): void => {
    if (over) return;
    over = true;
    cancelAnimationFrame(timer);
    document.removeEventListener("visibilitychange", onHidden);
    window.removeEventListener("pagehide", onHidden);
    track?.removeEventListener("mute", onMuted);
    track?.removeEventListener("ended", onEnded);
    if (recorder.state !== "inactive") recorder.stop();
    resolve(outcome);
  };
  const interrupt = (why: Interruption): void => settle({ ok: false, why });
  const onHidden = (event: Event): void => {
    if (event.type === "pagehide" || document.visibilityState === "hidden") interrupt("hidden");
  };
  const onMuted = (): void => interrupt("muted");
  const onEnded = (): void => interrupt("ended");

  const watch = (): void => {
    const now = (performance.now() - startedAt) / 1000;
    for (const cue of options.cues.slice(shown.length)) {
      if (cue.at <= now) shown.push({ at: Math.round(now * 1000) / 1000, kind: cue.kind });
    }
    options.onTime(Math.min(now, options.seconds));
    if (now < options.seconds) timer = requestAnimationFrame(watch);
    else finish();
  };
  const finish = (): void => {
    endedAt = performance.now();
    options.onWindowOver();
    recorder.stop();
    window.setTimeout(() => interrupt("failed"), STOP_PATIENCE);
  };

  recorder.onstart = (event) => {
    // The event carries the moment of its own; the call to start() came earlier.
    startedAt = event.timeStamp > 0 ? event.timeStamp : performance.now();
    counter.start();
    options.onStart(recorder.mimeType);
    timer = requestAnimationFrame(watch);
  };
  recorder.ondataavailable = ({ data }) => {
    if (over || data.size === 0) return;
    stored = stored.then(async () => options.onChunk(await data.arrayBuffer(), index++));
  };
  recorder.onerror = () => interrupt("failed");
  recorder.onstop = () => {
    if (!endedAt) return interrupt("ended");
    stored.then(
      () => {
        if (index === 0) return interrupt("empty");
        const announced: Announced = {
          seconds: Math.round(endedAt - startedAt) / 1000,
          frames: counter.stop(),
          cues: shown,
          interrupted: false,
          mime_type: recorder.mimeType,
        };
        settle({ ok: true, announced });
      },
      () => interrupt("failed"),
    );
  };
  document.addEventListener("visibilitychange", onHidden);
  window.addEventListener("pagehide", onHidden);
  track?.addEventListener("mute", onMuted);
  track?.addEventListener("ended", onEnded);
  recorder.start(TIMESLICE);
  return { outcome: promise, cancel: () => interrupt("stopped") };
}

function recorderOptions(mimeType: string): MediaRecorderOptions {
  const options: MediaRecorderOptions & { videoKeyFrameIntervalDuration?: number } = {
    videoBitsPerSecond: BITS_PER_SECOND,
    // Chromium cuts MP4 chunks at keyframes only: one a second lets the upload keep up.
    videoKeyFrameIntervalDuration: 1000,
  };
  return mimeType ? { ...options, mimeType } : options;
}

/** Counts the frames that the preview presented: about what the recorder was given. */
class FrameCounter {
  private first: number | null = null;
  private last: number | null = null;
  private running = false;

  constructor(private readonly video: HTMLVideoElement) {}

  start(): void {
    this.running = "requestVideoFrameCallback" in this.video;
    if (this.running) this.next();
  }

  stop(): number | null {
    this.running = false;
    return this.first === null || this.last === null ? null : this.last - this.first + 1;
  }

  private next(): void {
    this.video.requestVideoFrameCallback((_now, frame) => {
      if (!this.running) return;
      this.first ??= frame.presentedFrames;
      this.last = frame.presentedFrames;
      this.next();
    });
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
