// The picture: self-view with its oval, hint, countdown and the ring of time left. Built once; the
// video element stays the same for the whole session, so that the stream never restarts.
import { h, s } from "../shared/dom";
import { type Hint, HINT_WORDS } from "./framing";

const RADIUS = 38;
const ROUND = 2 * Math.PI * RADIUS;

export class StageView {
  readonly element: HTMLDivElement;
  readonly self = h("video", { class: "mirrored", "aria-label": "You, as in a mirror" });
  private readonly replay = h("video", {
    class: "mirrored",
    "aria-label": "Your recording",
    hidden: true,
  });
  private readonly hint = h("p", { class: "stage-hint", role: "status", hidden: true });
  private readonly count = h("div", { class: "count", hidden: true, "aria-live": "assertive" });
  private readonly mark = h("span", { class: "rec-mark", hidden: true }, "Recording");
  private readonly run = s("circle", { class: "run", cx: 50, cy: 50, r: RADIUS });
  private readonly left = s("text", { x: 50, y: 51 });
  private readonly ring = s(
    "svg",
    { class: "ring", viewBox: "0 0 100 100", role: "timer", "aria-label": "Seconds left" },
    s("circle", { cx: 50, cy: 50, r: RADIUS }),
    this.run,
    this.left,
  );
  private readonly oval = s(
    "svg",
    { class: "oval", viewBox: "0 0 400 300", "aria-hidden": "true" },
    s("path", {
      class: "shade",
      "fill-rule": "evenodd",
      d: "M-400 -300H800V600H-400ZM200 30C258 30 288 82 288 146S248 274 200 274 112 210 112 146 142 30 200 30Z",
    }),
    s("ellipse", { cx: 200, cy: 152, rx: 88, ry: 122 }),
  );
  private url = "";

  constructor() {
    for (const video of [this.self, this.replay]) {
      video.muted = true;
      video.playsInline = true;
    }
    this.self.autoplay = true;
    // A phone held upright gives an upright picture, and may be turned at any time.
    this.self.addEventListener("resize", () => this.fit());
    this.run.style.strokeDasharray = String(ROUND);
    this.ring.style.display = "none";
    this.element = h(
      "div",
      { class: "stage" },
      this.self,
      this.replay,
      this.oval,
      this.hint,
      this.count,
      this.mark,
      this.ring,
    );
  }

  /** The stage takes the picture's own shape, so that nothing of the face is cut off. */
  private fit(): void {
    const { videoWidth, videoHeight } = this.self;
    if (!videoWidth || !videoHeight) return;
    this.element.style.setProperty("--ratio", String(videoWidth / videoHeight));
    const upright = videoHeight > videoWidth;
    this.oval.setAttribute("preserveAspectRatio", upright ? "xMidYMid slice" : "xMidYMid meet");
  }

  showHint(hint: Hint | null): void {
    this.hint.hidden = hint === null;
    this.element.classList.toggle("framed", hint === "ok");
    if (hint && this.hint.textContent !== HINT_WORDS[hint]) this.hint.textContent = HINT_WORDS[hint];
  }

  showOval(on: boolean): void {
    this.oval.style.display = on ? "" : "none";
  }

  showCount(left: number | null): void {
    this.count.hidden = left === null;
    this.count.textContent = left === null ? "" : String(left);
  }

  /** The ring of time left; null hides it and the recording mark. */
  showTime(seconds: number | null, of = 1): void {
    this.mark.hidden = seconds === null;
    this.ring.style.display = seconds === null ? "none" : "";
    if (seconds === null) return;
    this.run.style.strokeDashoffset = String(ROUND * Math.min(1, seconds / of));
    const left = String(Math.max(0, Math.ceil(of - seconds)));
    if (this.left.textContent !== left) this.left.textContent = left;
  }

  /** Plays a recording in place of the self-view; null goes back to the camera. */
  showReplay(recording: Blob | null): void {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = recording ? URL.createObjectURL(recording) : "";
    this.replay.hidden = recording === null;
    this.self.hidden = recording !== null;
    if (!recording) {
      this.replay.removeAttribute("src");
      return;
    }
    this.replay.src = this.url;
    this.playAgain();
  }

  playAgain(): void {
    this.replay.currentTime = 0;
    void this.replay.play().catch(() => undefined);
  }
}
