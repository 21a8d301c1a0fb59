// What people read about recordings on their way: one table for every page that shows them. Nothing
// here says more than is so.
import type { ApiError } from "../shared/api";

export type Phase =
  | "sending"
  | "waiting"
  | "signed_out"
  | "elsewhere"
  | "refused"
  | "confirmed"
  | "dropped";

export interface Status {
  take: string;
  step: string;
  phase: Phase;
  sent: number;
  total: number | null;
  /** For "waiting" and "refused": why, as a sentence. */
  words: string;
  /** Kept on this device; if not, it is held by this window alone. */
  safe: boolean;
}

export interface Line {
  label: string;
  badge: string;
  words: string;
}

export const NOT_READABLE =
  "This device can no longer read this recording. Please record this part again.";
const SIGNED_OUT = "You are signed out. Please sign in again in another window, then come back here.";
const ELSEWHERE = "Another window of this browser has it. Please look there.";

/** Why a recording is refused for good. Null: an error of our own, of which nobody can read. */
export function wordsOfRefusal(failure: ApiError | null): string {
  if (!failure) return "This recording could not be sent.";
  if (failure.status !== 404) return failure.message;
  return "Your clinic’s computer does not know this part any more, or somebody else is signed in.";
}

/** A line about one take; null when it is on its way no more. */
export function statusLine(status: Status): Line | null {
  const { words, total, sent } = status;
  switch (status.phase) {
    case "sending": {
      const label = total ? `sending ${Math.floor((100 * sent) / total)} %` : "sending";
      return { label, badge: "deep", words: status.safe ? "" : keepOpen(1) };
    }
    case "waiting":
      return { label: "waiting", badge: "warn", words: `${words} ${whereItIs([status])}` };
    case "signed_out":
      return { label: "waiting", badge: "warn", words: `${SIGNED_OUT} ${whereItIs([status])}` };
    case "elsewhere":
      return { label: "in another window", badge: "deep", words: ELSEWHERE };
    case "refused":
      return { label: "not sent", badge: "bad", words: `${words} ${whereItIs([status])}` };
    case "confirmed":
    case "dropped":
      return null;
  }
}

/** One line about everything that is not there yet; null when all has arrived. */
export function sendingWords(unsent: Status[]): string | null {
  const of = (phase: Phase): Status[] => unsent.filter((one) => one.phase === phase);
  const [out, waiting, sending] = [of("signed_out"), of("waiting"), of("sending")];
  const [refused, away] = [of("refused"), of("elsewhere")];
  if (out.length > 0) return `${SIGNED_OUT} ${whereItIs(out)}`;
  if (waiting[0]) {
    const all = [...waiting, ...sending];
    return `${count(all, "is", "are")} waiting. ${waiting[0].words} ${whereItIs(all)}`;
  }
  if (sending.length > 0) {
    const open = sending.every((one) => one.safe) ? "" : ` ${keepOpen(sending.length)}`;
    return `${count(sending, "is", "are")} being sent …${open}`;
  }
  if (refused.length > 0) return `${count(refused, "was", "were")} not sent. ${whereItIs(refused)}`;
  if (away.length > 0) return `${count(away, "is", "are")} with another window of this browser.`;
  return null;
}

function count(statuses: Status[], one: string, many: string): string {
  return statuses.length === 1 ? `1 recording ${one}` : `${statuses.length} recordings ${many}`;
}

function whereItIs(statuses: Status[]): string {
  if (statuses.some((one) => !one.safe)) return keepOpen(statuses.length);
  return statuses.length === 1
    ? "Your recording is safe on this device."
    : "Your recordings are safe on this device.";
}

function keepOpen(many: number): string {
  const what = many === 1 ? "your recording has been sent: it is" : "they have been sent: they are";
  return `Please keep this page open until ${what} only here.`;
}
