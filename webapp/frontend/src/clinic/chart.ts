// A curve over the seconds of a clip, as SVG, with a cursor that follows the video; a click or
// the arrow keys move the video.
import { s } from "../shared/dom";

export interface Series {
  t: number[];
  values: (number | null)[];
}

export interface ChartOptions {
  series: Series;
  seconds: number;
  /** Fixed range of the values; without it the data's own. */
  range?: [number, number];
  cues?: { at: number; kind: string }[];
  peaks?: { t: number; intensity: number }[];
  height: number;
  width: number;
  label: string;
  onSeek: (seconds: number) => void;
}

const PAD = { left: 40, right: 8, top: 10, bottom: 22 };

/** SVG path data; a missing value lifts the pen. */
export function pathOf(series: Series, x: (t: number) => number, y: (v: number) => number): string {
  let pen = false;
  let path = "";
  series.t.forEach((t, n) => {
    const value = series.values[n];
    if (value === null || value === undefined) {
      pen = false;
      return;
    }
    path += `${pen ? "L" : "M"}${x(t).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return path;
}

/** The value at a time, from the nearest sample; null where none is within a tenth of a second. */
export function valueAt(series: Series, t: number): number | null {
  let best = -1;
  let distance = 0.1;
  series.t.forEach((at, n) => {
    const away = Math.abs(at - t);
    if (away <= distance) {
      best = n;
      distance = away;
    }
  });
  return best < 0 ? null : (series.values[best] ?? null);
}

/** Where a key takes the cursor, as on any slider; null for a key that means nothing here. */
export function keyTo(key: string, at: number, seconds: number): number | null {
  const moves: Record<string, number> = {
    ArrowLeft: at - 0.1,
    ArrowDown: at - 0.1,
    ArrowRight: at + 0.1,
    ArrowUp: at + 0.1,
    PageDown: at - 1,
    PageUp: at + 1,
    Home: 0,
    End: seconds,
  };
  const to = moves[key];
  return to === undefined ? null : Math.min(seconds, Math.max(0, to));
}

export class Chart {
  readonly element: SVGSVGElement;
  private readonly cursor = s("line", { class: "cursor", y1: PAD.top, y2: 0 });
  private readonly dot = s("circle", { class: "dot", r: 4.5 });
  private at = 0;
  private readonly x: (t: number) => number;
  private readonly y: (v: number) => number;

  constructor(private readonly options: ChartOptions) {
    const { width, height, seconds, series } = options;
    const known = series.values.filter((v): v is number => v !== null);
    const [low, high] = options.range ?? spread(known);
    this.x = (t) => PAD.left + (t / seconds) * (width - PAD.left - PAD.right);
    this.y = (v) =>
      height - PAD.bottom - ((v - low) / (high - low)) * (height - PAD.top - PAD.bottom);
    this.cursor.setAttribute("y2", String(height - PAD.bottom));
    this.element = s(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${width} ${height}`,
        role: "slider",
        tabindex: 0,
        "aria-label": options.label,
        "aria-valuemin": 0,
        "aria-valuemax": seconds.toFixed(1),
        onkeydown: (event) => this.press(event as KeyboardEvent),
        onpointerdown: (event) => this.seek(event as PointerEvent),
      },
      s("rect", {
        class: "frame",
        x: PAD.left,
        y: PAD.top,
        width: width - PAD.left - PAD.right,
        height: height - PAD.top - PAD.bottom,
      }),
      ...this.prompts(),
      ...this.grid(low, high),
      s("path", { class: "line", d: pathOf(series, this.x, this.y) }),
      ...(options.peaks ?? []).map((peak) =>
        s("circle", { class: "dot", r: 3, cx: this.x(peak.t), cy: this.y(peak.intensity) }),
      ),
      this.cursor,
      this.dot,
    );
    this.moveTo(0);
  }

  moveTo(seconds: number): void {
    this.at = Math.min(seconds, this.options.seconds);
    const x = this.x(this.at);
    this.element.setAttribute("aria-valuenow", this.at.toFixed(1));
    this.cursor.setAttribute("x1", String(x));
    this.cursor.setAttribute("x2", String(x));
    const value = valueAt(this.options.series, seconds);
    const spoken = value === null ? "no value" : value.toFixed(2);
    this.element.setAttribute("aria-valuetext", `${this.at.toFixed(1)} seconds: ${spoken}`);
    this.dot.style.display = value === null ? "none" : "";
    if (value === null) return;
    this.dot.setAttribute("cx", String(x));
    this.dot.setAttribute("cy", String(this.y(value)));
  }

  private press(event: KeyboardEvent): void {
    const to = keyTo(event.key, this.at, this.options.seconds);
    if (to === null) return;
    event.preventDefault();
    this.options.onSeek(to);
  }

  private seek(event: PointerEvent): void {
    const box = this.element.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * this.options.width;
    const share = (at - PAD.left) / (this.options.width - PAD.left - PAD.right);
    this.options.onSeek(Math.min(1, Math.max(0, share)) * this.options.seconds);
  }

  /** Shaded: from a *make* prompt to the *relax* after it. */
  private prompts(): SVGElement[] {
    const { cues = [], seconds, height } = this.options;
    return cues.flatMap((cue, n) => {
      if (cue.kind !== "make") return [];
      const end = cues[n + 1]?.at ?? seconds;
      const x = this.x(cue.at);
      const box = { x, width: this.x(end) - x, y: PAD.top, height: height - PAD.top - PAD.bottom };
      return [s("rect", { class: "make", ...box })];
    });
  }

  private grid(low: number, high: number): SVGElement[] {
    const { width, height, seconds } = this.options;
    const marks: SVGElement[] = [];
    for (let t = 0; t <= seconds; t += seconds > 6 ? 2 : 1) {
      const text = { x: this.x(t), y: height - 6, "text-anchor": "middle" };
      marks.push(s("text", text, t === 0 ? "0 s" : String(t)));
    }
    for (const value of [low, (low + high) / 2, high]) {
      const y = this.y(value);
      marks.push(s("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y, y2: y }));
      marks.push(
        s("text", { x: PAD.left - 5, y: y + 4, "text-anchor": "end" }, value.toFixed(high > 9 ? 0 : 2)),
      );
    }
    return marks;
  }
}

function spread(values: number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = Math.max((high - low) * 0.1, 0.01);
  return [low - margin, high + margin];
}
