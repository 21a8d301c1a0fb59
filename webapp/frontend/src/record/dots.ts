// How far the session is: a dot for each part, and the part's name.
import { h } from "../shared/dom";
import type { Screening } from "../shared/types";
import type { Progress, Session } from "./machine";
import type { Take } from "./outbox";

export class Dots {
  readonly list = h("ol", { class: "dots", "aria-hidden": "true" });
  readonly part = h("p", { class: "soft" });

  show(screening: Screening, { stage, steps }: Session): void {
    const now = "step" in stage ? stage.step : -1;
    const title = screening.steps[now]?.title ?? "";
    this.part.textContent = now >= 0 ? `Part ${now + 1} of ${steps.length}: ${title}` : "";
    this.part.hidden = now < 0;
    this.list.replaceChildren(
      ...steps.map((progress, n) =>
        h("li", { class: n === now ? "now" : progress === "open" ? "" : "done" }),
      ),
    );
  }
}

/** What each step still needs, from what the server has and what is kept on this device. */
export function progressOf(screening: Screening, kept: Take[]): Progress[] {
  return screening.steps.map(({ id, clip }) => {
    if (kept.some((take) => take.step === id && take.state === "finished")) return "recorded";
    if (clip.state === "skipped") return "skipped";
    return clip.state === "expected" || clip.state === "uploading" ? "open" : "recorded";
  });
}
