// One clip's video with its intensity curve and signals in step: curves follow the video, a click
// or an arrow key on a curve moves the video.
import { h } from "../shared/dom";
import type { Step } from "../shared/types";
import { Film } from "../shared/film";
import { Chart } from "./chart";
import type { ClipReport, MeasurementEnvelope } from "./types";
import type { Words } from "./words";

export function player(
  step: Step,
  measured: MeasurementEnvelope | null,
  report: ClipReport | null,
  named: Words["signals"],
): HTMLElement {
  const film = step.clip.video_url && step.clip.video_plays ? new Film(step.clip.id) : null;
  const video = film?.video;
  const charts: Chart[] = [];
  const seek = (seconds: number): void => {
    if (video) video.currentTime = seconds;
    for (const chart of charts) chart.moveTo(seconds);
  };
  const times = measured?.measurement.timestamps ?? [];
  const seconds = Math.max(times.at(-1) ?? 0, step.clip.seconds ?? step.seconds, 1);
  const curve = measured?.curve ?? report?.curve ?? null;
  const prompts = (measured?.measurement.cues ?? []).map((at) => ({ at, kind: "make" }));
  const cues = pairPrompts(prompts, step);
  const main = h("div", {});
  if (curve && curve.t.length > 0) {
    const chart = new Chart({
      series: { t: curve.t, values: curve.intensity },
      seconds,
      range: [0, 1],
      cues,
      peaks: curve.peaks ?? [],
      width: 460,
      height: 250,
      label: `Intensity of ${step.title} over time`,
      onSeek: seek,
    });
    charts.push(chart);
    main.append(
      h("h3", {}, "Intensity, relative to the person’s own rest"),
      chart.element,
      h("p", { class: "soft no-print" }, "Shaded: “make it” until “relax”. Press on a curve to go there, or use the arrow keys."),
    );
  } else {
    main.append(h("p", { class: "note" }, "There is no intensity curve for this clip."));
  }
  const signals = h("div", { class: "signal-grid" });
  for (const [name, title] of measured ? Object.entries(named) : []) {
    const values = measured?.measurement.signals[name];
    if (!values) continue;
    const chart = new Chart({
      series: { t: times, values },
      seconds,
      cues,
      width: 330,
      height: 130,
      label: `${title} over time`,
      onSeek: seek,
    });
    charts.push(chart);
    signals.append(h("figure", {}, h("figcaption", {}, title), chart.element));
  }
  if (video) follow(video, charts);
  return h(
    "div",
    {},
    h("div", { class: "player side" }, film?.element ?? withoutVideo(step), main),
    measured && h("details", { class: "no-print", open: true }, h("summary", {}, "The signals"), signals),
  );
}

/** What stands in place of the video: a file that no decoder has read is not shown, only given. */
function withoutVideo(step: Step): HTMLElement {
  const { video_url, state } = step.clip;
  if (!video_url) return h("p", { class: "note" }, "There is no recording.");
  const words: Partial<Record<typeof state, string>> = {
    received: "This recording can be watched here as soon as it is measured.",
    measuring: "This recording can be watched here as soon as it is measured.",
    measured: "There is no copy of this recording yet that can be watched here.",
  };
  const why = words[state] ?? "This recording could not be read, so it cannot be shown here.";
  return h("p", { class: "note" }, why, " ", h("a", { href: video_url, download: true }, "Save the file as it was sent"), ".");
}

/** The prompts that were really shown, with the protocol's time to relax after each. */
function pairPrompts(
  prompts: { at: number; kind: string }[],
  step: Step,
): { at: number; kind: string }[] {
  if (prompts.length === 0) return step.cues;
  const first = step.cues.find((cue) => cue.kind === "make");
  const relax = step.cues.find((cue) => cue.kind === "relax");
  const hold = first && relax ? relax.at - first.at : 1.5;
  return prompts.flatMap((cue) => [cue, { at: cue.at + hold, kind: "relax" }]);
}

/** Every frame of the video moves the cursors; paused and seeked videos too. */
function follow(video: HTMLVideoElement, charts: Chart[]): void {
  const move = (): void => {
    for (const chart of charts) chart.moveTo(video.currentTime);
  };
  const loop = (): void => {
    move();
    if (!video.paused && video.isConnected) requestAnimationFrame(loop);
  };
  video.addEventListener("play", loop);
  video.addEventListener("seeking", move);
  video.addEventListener("timeupdate", move);
}
