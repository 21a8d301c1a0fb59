// Which cue holds at a moment of the recording window. Times are seconds after the recorder's start.
import type { Cue } from "../shared/types";

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

const MAKE: Record<string, string> = {
  smile: "Smile",
  disgust: "Disgust",
  surprise: "Surprise",
  anger: "Anger",
  sadness: "Sadness",
  fear: "Fear",
};

/** The large word on the screen, and what the voice says. */
export function cueWord(expression: string, moment: Moment): string {
  if (moment.kind === "make") return MAKE[expression] ?? "Make the face";
  if (moment.kind === "relax") return "Relax";
  return expression === "rest" ? "Just look at the camera" : "Quiet face";
}
