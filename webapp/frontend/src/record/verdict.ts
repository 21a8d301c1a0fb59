// What follows from a failure of sending: one of five ways on, and never the end of the only copy.
import { ApiError } from "../shared/api";
import type { Take } from "./outbox";
import type { Road } from "./road";
import { wordsOfRefusal } from "./sending";
import { PieceError } from "./transfer";

export type Verdict =
  | { then: "again" }
  /** The upload begins anew, with these fields of the take changed. */
  | { then: "anew"; fields: Partial<Take> }
  | { then: "signed_out" }
  | { then: "wait"; words: string; asked: number | null }
  | { then: "refused"; words: string };

/** How often each kind of failure has come; each has a limit or a pace of its own. */
export interface Failures {
  passing: number;
  conflicts: number;
  gone: number;
  damaged: number;
}

export const NO_FAILURES: Failures = { passing: 0, conflicts: 0, gone: 0, damaged: 0 };
const AT_MOST = { conflicts: 8, gone: 5, damaged: 3 };

/** Another state than was expected, by our own server: perhaps the take has arrived already. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && !error.isForeign;
}

/** Counts the failure and decides. */
export function verdictOn(error: unknown, failures: Failures, road: Road): Verdict {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return { then: "refused", words: wordsOfRefusal(null) };
  }
  if (error instanceof PieceError && road.learn(error)) return { then: "again" };
  if (error.code === "hash_mismatch" && failures.damaged++ < AT_MOST.damaged) {
    return { then: "anew", fields: {} };
  }
  const isGone = !error.isForeign && [404, 410].includes(error.status);
  if (isGone && failures.gone++ < AT_MOST.gone) {
    // The upload is gone; the bytes are still here. The clip may have been replaced too.
    return { then: "anew", fields: { clip: null } };
  }
  if (error.isSignedOut) return { then: "signed_out" };
  const tooOften = isConflict(error) && failures.conflicts++ >= AT_MOST.conflicts;
  if (error.isPassing && !tooOften) {
    return { then: "wait", words: error.message, asked: error.retryAfter };
  }
  // The bytes stay: the patient may send them again, record anew, or discard them.
  return { then: "refused", words: wordsOfRefusal(error) };
}
