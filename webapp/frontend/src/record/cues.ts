// Which cue holds at a moment of the recording window. Times are seconds after the recorder's start.
import type { Cue, Step } from "../shared/types";

export interface Moment {
  /** What the person does now. Before the first cue, and for a resting face, it is "rest". */
  kind: "rest" | "make" | "relax";
  /** Which repetition runs (1, 2, …); 0 before the first. */
  repetition: number;
  /** Index of the cue in the list; -1 before the first. */
  index: number;
}

export function momentAt(cues: readonly Cue[], seconds: number): Moment {
  let moment: Moment = { kind: "rest", repetition: 0, index: -1 };
  cues.forEach((cue, index) => {
    if (cue.at > seconds) return;
    const repetition = moment.repetition + (cue.kind === "make" ? 1 : 0);
    moment = { kind: cue.kind, repetition, index };
  });
  return moment;
}

/** The large word on the screen, and what the voice says. */
export function cueWord(step: Pick<Step, "cue" | "repetitions">, moment: Moment): string {
  if (moment.kind === "make" || step.repetitions === 0) return step.cue;
  return moment.kind === "relax" ? "Relax" : "Quiet face";
}
