// A video whose address is good for some minutes only. A new one is asked for before it runs out and
// after it did; where somebody was, and whether it ran, stays as it was.
import { call, sentenceOf } from "./api";
import { button, h } from "./dom";

interface Address {
  url: string;
  /** How long from now it is good: this device's clock may be weeks off. */
  seconds: number;
}

/** Asked for again after this share of its time. */
const SHARE = 0.8;
/** So many failures in a row, with nothing played between, are not the address's doing. */
const MOST_FAILURES = 2;

export class Film {
  readonly element: HTMLElement;
  readonly video: HTMLVideoElement;
  private readonly problem = h("div", { role: "alert" });
  private failures = 0;
  private isLoading = false;
  private isStale = false;
  /** As whoever watches wants it: Chromium stops a film that it can no longer read, also unasked. */
  private isRunning = false;
  private timer = 0;

  constructor(private readonly clip: string) {
    this.video = h("video", {
      controls: true,
      playsinline: true,
      muted: true,
      preload: "auto",
      onerror: () => void this.failed(),
      onplay: () => {
        this.isRunning = true;
      },
      onpause: () => {
        if (!this.video.error) this.isRunning = false;
        this.renewIfStale();
      },
      onended: () => this.renewIfStale(),
      // What is asked for now would not come any more, and Chromium tries for long before it errs.
      onseeking: () => this.renewIfStale(),
      onwaiting: () => this.renewIfStale(),
      onstalled: () => this.renewIfStale(),
      onplaying: () => {
        this.failures = 0;
      },
    });
    this.element = h("div", { class: "film" }, this.video, this.problem);
    void this.load();
  }

  /** A fresh address in place of the one before; the same moment of the film, running or not. */
  private async load(): Promise<void> {
    // Seeking, waiting and stalling come together: a second address would undo what the first began.
    if (this.isLoading) return;
    this.isLoading = true;
    try {
      const address = await call<Address>("GET", `clips/${this.clip}/address/`);
      const { currentTime: at, playbackRate } = this.video;
      this.isStale = false;
      this.video.src = address.url;
      this.problem.replaceChildren();
      if (at > 0) this.video.currentTime = at;
      this.video.playbackRate = playbackRate;
      if (this.isRunning) void this.video.play().catch(() => undefined);
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.runOut(), address.seconds * 1000 * SHARE);
    } catch (error) {
      this.show(sentenceOf(error));
    } finally {
      this.isLoading = false;
    }
  }

  private runOut(): void {
    if (!this.video.isConnected) return;
    this.isStale = true;
    // Somebody is watching: at the next pause, or when another part is needed.
    const waits = this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (this.video.paused || waits) this.renewIfStale();
  }

  private renewIfStale(): void {
    if (this.isStale && this.video.isConnected && !isWhole(this.video)) void this.load();
  }

  private async failed(): Promise<void> {
    if (!this.video.isConnected) return;
    this.failures += 1;
    if (this.failures <= MOST_FAILURES) await this.load();
    else this.show("The recording could not be loaded.");
  }

  private show(words: string): void {
    const again = (): void => {
      this.failures = 0;
      void this.load();
    };
    this.problem.replaceChildren(h("p", { class: "note warn" }, words, " ", button("Try again", again, "quiet")));
  }
}

/** Whether the browser has all of it, so that no address is needed any more. */
function isWhole(video: HTMLVideoElement): boolean {
  const { buffered, duration } = video;
  return buffered.length === 1 && buffered.start(0) <= 0.1 && buffered.end(0) >= duration - 0.1;
}
