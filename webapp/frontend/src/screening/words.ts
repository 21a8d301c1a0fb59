// What a patient reads about a recording and a screening, after it was handed in.
import { type Line, type Status, statusLine } from "../record/sending";
import type { Clip, Screening } from "../shared/types";

export function lineOf(clip: Clip, status: Status | null): Line {
  const line = (label: string, badge: string, words = ""): Line => ({ label, badge, words });
  const local = status && statusLine(status);
  if (local) return local;
  switch (clip.state) {
    case "expected":
      return line("not recorded yet", "");
    case "uploading":
      return line("not here yet", "", "It was begun on another device or in another window.");
    case "received":
      return line("received", "deep", "It will be measured in a moment.");
    case "measuring":
      return line("being measured", "deep");
    case "measured":
      return line("measured", "good");
    case "skipped":
      return line("left out", "", clip.skip_reason ?? "");
    default: {
      const words = clip.words;
      return line("not usable", "warn", words ? `${words.title}. ${words.advice}` : "");
    }
  }
}

/** What a screening that was taken back came to: it may have been measured before that. */
export function withdrawnWords(now: Pick<Screening, "released_at" | "steps">): string {
  if (now.released_at) return "Its result was released before that, and is not shown any more.";
  const measured = now.steps.some((step) => step.clip.state === "measured");
  return measured
    ? "Some of it was measured before that. No result is shown to you or your clinic."
    : "It is not measured, and no result is made.";
}
