// The recording session as a pure state machine: what is on the screen, and what may come next.
// Anything that arrives at the wrong moment (a late timer, a double tap) changes nothing.

import type { Ending } from "./endings";

/** Why there is no camera. */
export type Trouble =
  | "insecure"
  | "unsupported"
  | "denied"
  | "missing"
  | "busy"
  | "overconstrained"
  | "still"
  | "unknown";

/** The step that waits for the camera; null before the first. */
interface ForCamera {
  resume: number | null;
}

export type Stage =
  | { at: "welcome" }
  /** The browser was asked for the camera; ``slow`` when it has not answered for a while. */
  | ({ at: "asking"; slow: boolean } & ForCamera)
  | ({ at: "blocked"; trouble: Trouble } & ForCamera)
  | ({ at: "framing" } & ForCamera)
  | { at: "instruct"; step: number }
  | { at: "countdown"; step: number; left: number }
  | { at: "recording"; step: number }
  | { at: "saving"; step: number }
  | { at: "replay"; step: number }
  | { at: "interrupted"; step: number; why: Ending }
  | { at: "skipping"; step: number }
  | { at: "review" };

/** What a step still needs: nothing recorded yet, recorded, or left out with a reason. */
export type Progress = "open" | "recorded" | "skipped";

export interface Session {
  readonly steps: readonly Progress[];
  readonly stage: Stage;
  /** Where a step goes back to once it is done: onward, or to the overview it was chosen from. */
  readonly fromReview: boolean;
}

export type Signal =
  | { type: "camera_asked" }
  | { type: "camera_slow" }
  | { type: "camera_ready" }
  | { type: "camera_failed"; trouble: Trouble }
  | { type: "framed" }
  | { type: "begin" }
  | { type: "tick" }
  | { type: "recording_started" }
  | { type: "window_over" }
  | { type: "saved" }
  | { type: "interrupted"; why: Ending }
  | { type: "again" }
  | { type: "next" }
  | { type: "skip" }
  | { type: "skip_cancelled" }
  | { type: "skip_saved" }
  | { type: "choose"; step: number }
  | { type: "keep" }
  | { type: "discarded"; step: number };

export const COUNTDOWN = 3;

export function begin(steps: readonly Progress[]): Session {
  const stage: Stage = nextOpen(steps, 0) === null ? { at: "review" } : { at: "welcome" };
  return { steps, stage, fromReview: false };
}

/** The next step that is still open, searching onward from ``from`` and then from the start. */
export function nextOpen(steps: readonly Progress[], from: number): number | null {
  for (let n = 0; n < steps.length; n += 1) {
    const index = (from + n) % steps.length;
    if (steps[index] === "open") return index;
  }
  return null;
}

function onward(session: Session, from: number): Session {
  const step = session.fromReview ? null : nextOpen(session.steps, from);
  const stage: Stage = step === null ? { at: "review" } : { at: "instruct", step };
  return { ...session, stage, fromReview: step === null ? false : session.fromReview };
}

/** Where the camera's picture is on the screen or on its way there; elsewhere its end is no matter. */
function needsCamera({ at }: Stage): boolean {
  return ["welcome", "asking", "blocked", "framing", "instruct", "countdown"].includes(at);
}

function waitingStep(stage: Stage): number | null {
  if ("step" in stage) return stage.step;
  return "resume" in stage ? stage.resume : null;
}

function mark(session: Session, step: number, progress: Progress): Session {
  return { ...session, steps: session.steps.map((old, n) => (n === step ? progress : old)) };
}

export function advance(session: Session, signal: Signal): Session {
  const { stage } = session;
  const to = (next: Stage): Session => ({ ...session, stage: next });
  switch (signal.type) {
    case "camera_asked":
      return needsCamera(stage)
        ? to({ at: "asking", slow: false, resume: waitingStep(stage) })
        : session;
    case "camera_slow":
      return stage.at === "asking" ? to({ ...stage, slow: true }) : session;
    case "camera_ready":
      // A yes counts however late it comes.
      return stage.at === "asking" || stage.at === "blocked"
        ? to({ at: "framing", resume: stage.resume })
        : session;
    case "camera_failed":
      return needsCamera(stage)
        ? to({ at: "blocked", trouble: signal.trouble, resume: waitingStep(stage) })
        : session;
    case "framed":
      if (stage.at !== "framing") return session;
      return stage.resume === null
        ? onward(session, 0)
        : to({ at: "instruct", step: stage.resume });
    case "begin":
      return stage.at === "instruct"
        ? to({ at: "countdown", step: stage.step, left: COUNTDOWN })
        : session;
    case "tick":
      return stage.at === "countdown" && stage.left > 0
        ? to({ ...stage, left: stage.left - 1 })
        : session;
    case "recording_started":
      return stage.at === "countdown" ? to({ at: "recording", step: stage.step }) : session;
    case "window_over":
      return stage.at === "recording" ? to({ at: "saving", step: stage.step }) : session;
    case "saved":
      return stage.at === "saving"
        ? mark(to({ at: "replay", step: stage.step }), stage.step, "recorded")
        : session;
    case "interrupted":
      return stage.at === "countdown" || stage.at === "recording" || stage.at === "saving"
        ? to({ at: "interrupted", step: stage.step, why: signal.why })
        : session;
    case "again":
      return stage.at === "replay" || stage.at === "interrupted"
        ? mark(to({ at: "instruct", step: stage.step }), stage.step, "open")
        : session;
    case "next":
      return stage.at === "replay" ? onward(session, stage.step + 1) : session;
    case "skip":
      return stage.at === "instruct" || stage.at === "interrupted"
        ? to({ at: "skipping", step: stage.step })
        : session;
    case "skip_cancelled":
      return stage.at === "skipping" ? to({ at: "instruct", step: stage.step }) : session;
    case "skip_saved":
      return stage.at === "skipping"
        ? onward(mark(session, stage.step, "skipped"), stage.step + 1)
        : session;
    case "choose":
      return stage.at === "review" && signal.step < session.steps.length
        ? { ...to({ at: "instruct", step: signal.step }), fromReview: true }
        : session;
    case "discarded":
      return stage.at === "review" ? mark(session, signal.step, "open") : session;
    case "keep":
      return stage.at === "instruct" && session.fromReview ? onward(session, stage.step) : session;
  }
}
