// What a patient reads about a recording and a screening, after it was handed in.
import type { Status } from "../record/sender";
import type { Clip, Screening } from "../shared/types";

interface Line {
  label: string;
  badge: string;
  words: string;
}

export function lineOf(clip: Clip, status: Status | null): Line {
  const line = (label: string, badge: string, words = ""): Line => ({ label, badge, words });
  if (status?.phase === "waiting") {
    return line("waiting", "warn", "Safe on this device, waiting for the connection.");
  }
  if (status?.phase === "signed_out") {
    return line("waiting", "warn", "Safe on this device. Please sign in again to send it.");
  }
  if (status?.phase === "refused") {
    return line("not sent", "warn", `${status.words} The recording is kept on this device.`);
  }
  switch (clip.state) {
    case "expected":
      return line("not recorded yet", "");
    case "uploading":
      return line(status?.total ? `uploading ${percent(status)} %` : "uploading", "deep");
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

function percent(status: Status): number {
  return Math.floor((100 * status.sent) / Math.max(1, status.total ?? 1));
}

/** What a screening that was taken back came to: it may have been measured before that. */
export function withdrawnWords(now: Pick<Screening, "released_at" | "steps">): string {
  if (now.released_at) return "Its result was released before that, and is not shown any more.";
  const measured = now.steps.some((step) => step.clip.state === "measured");
  return measured
    ? "Some of it was measured before that. No result is shown to you or your clinic."
    : "It is not measured, and no result is made.";
}
