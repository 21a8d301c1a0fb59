// Sends a few pictures a second to the face finder's worker and turns its answers into hints.
import { type Box, type Hint, hintOf, Steady } from "./framing";
import type { FromWorker, ToWorker } from "./face-worker";

const EVERY = 200;
const WIDTH = 320;

export class Finder {
  private worker: Worker | null = null;
  private busy = true;
  private timer = 0;
  private before: Box | null = null;
  private steady = new Steady();

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly onHint: (hint: Hint) => void,
  ) {}

  /** Loads the finder. Whatever goes wrong, recording goes ahead without it. */
  load(workerUrl: string, vision: string): void {
    try {
      this.worker = new Worker(workerUrl, { type: "module" });
    } catch {
      return;
    }
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      this.busy = false;
      if (data.type === "reading") this.take(data.reading);
    };
    this.worker.onerror = () => {
      this.stop();
      this.worker = null;
    };
    this.post({ type: "start", vision });
  }

  start(): void {
    this.stop();
    this.steady = new Steady();
    this.before = null;
    this.timer = window.setInterval(() => void this.look(), EVERY);
  }

  /** The camera's pictures belong to the recorder while it runs. */
  stop(): void {
    window.clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const { video } = this;
    if (this.busy || !this.worker || video.readyState < 2 || !video.videoWidth) return;
    this.busy = true;
    try {
      const bitmap = await createImageBitmap(video, {
        resizeWidth: WIDTH,
        resizeHeight: Math.round((WIDTH * video.videoHeight) / video.videoWidth),
      });
      this.post({ type: "frame", bitmap }, [bitmap]);
    } catch {
      // No picture yet (a camera that is starting, a hidden page): the next look will have one.
      this.busy = false;
    }
  }

  private take(reading: Parameters<typeof hintOf>[0]): void {
    const hint = hintOf(reading, this.before);
    this.before = reading.faces?.[0] ?? null;
    this.onHint(this.steady.feed(hint));
  }

  private post(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker?.postMessage(message, transfer);
  }
}
