// Whether a camera's picture moves at all. A living camera has noise: two pictures of it are never
// the same in every point, in the stillest face. A frozen one repeats its last picture, or gives no
// more frames.

/** What was seen of the picture at one look; null where this browser cannot tell. */
export interface Look {
  frames: number | null;
  points: Uint8ClampedArray | null;
}

/** Fewer looks than this tell nothing: a page that was held up has not seen a picture stand still. */
const LEAST_LOOKS = 4;

export class Stillness {
  private before: Look | null = null;
  private looks = 0;
  private since = 0;

  /** For how long (ms) enough looks in a row have found nothing new; ``now`` in ms. */
  feed(look: Look, now: number): number {
    const { before } = this;
    this.before = look;
    if (before && isSame(before, look)) {
      this.looks += 1;
    } else {
      this.looks = 1;
      this.since = now;
    }
    return this.looks < LEAST_LOOKS ? 0 : now - this.since;
  }
}

/** By the picture's points; by its frames only where no point can be read. */
function isSame(before: Look, now: Look): boolean {
  const { points } = before;
  if (!now.points || !points) return now.frames !== null && now.frames === before.frames;
  return now.points.every((value, n) => value === points[n]);
}

const WIDTH = 64;
const HEIGHT = 48;

/** Looks at a video: its frames as they are presented, and a small copy of its picture. */
export class Watcher {
  private readonly small = document.createElement("canvas");
  private readonly pen: CanvasRenderingContext2D | null;
  private first: number | null = null;
  private last: number | null = null;
  private running = false;

  constructor(private readonly video: HTMLVideoElement) {
    this.small.width = WIDTH;
    this.small.height = HEIGHT;
    this.pen = this.small.getContext("2d", { willReadFrequently: true });
    this.running = "requestVideoFrameCallback" in video;
    if (this.running) this.count();
  }

  look(): Look {
    return { frames: this.running ? (this.last ?? 0) : null, points: this.points() };
  }

  /** Null in browsers that let no page read a picture. */
  private points(): Uint8ClampedArray | null {
    try {
      this.pen?.drawImage(this.video, 0, 0, WIDTH, HEIGHT);
      return this.pen?.getImageData(0, 0, WIDTH, HEIGHT).data ?? null;
    } catch {
      return null;
    }
  }

  /** Ends the counting; about as many frames as the recorder was given, null where unknown. */
  stop(): number | null {
    this.running = false;
    return this.first === null || this.last === null ? null : this.last - this.first + 1;
  }

  /** Counts from here on. */
  restart(): void {
    this.first = null;
    this.last = null;
  }

  private count(): void {
    this.video.requestVideoFrameCallback((_now, frame) => {
      if (!this.running) return;
      this.first ??= frame.presentedFrames;
      this.last = frame.presentedFrames;
      this.count();
    });
  }
}
