// What the API speaks, by the names that the pages use. The shapes are the server's own: they are
// made from what it publishes (../generated/api.ts, by `npm run types`).
import type { components } from "../generated/api";

export type Shapes = components["schemas"];

export type ClipState = Shapes["ClipState"];
export type ScreeningState = Shapes["ScreeningState"];
export type Words = Shapes["WordsOut"];
export type Cue = Shapes["CueOut"];
export type Clip = Shapes["ClipOut"];
export type PatientResult = Shapes["PatientResult"];
export type LiveEvent = Shapes["EventOut"];

/** Only of a screening that is erased has a step no clip, and no page shows that. */
export type Step = Shapes["StepOut"] & { clip: Clip };
export type Screening = Omit<Shapes["ScreeningOut"], "steps"> & { steps: Step[] };
