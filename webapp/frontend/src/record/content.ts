// What stands under the picture: one panel for each stage of the session.
import type { Screening, Step } from "../shared/types";
import type { Device } from "./camera";
import type { Session } from "./machine";
import * as panels from "./panels";
import { review } from "./review";
import type { Status } from "./sending";
import type { Voice } from "./speech";

export interface View {
  root: HTMLElement;
  screening: Screening;
  session: Session;
  devices: Device[];
  /** The camera in use now. */
  device: string;
  voice: Voice;
  statusOf: (step: string) => Status | null;
  submitting: boolean;
  problem: string;
  /** Takes in a row that ended by themselves. */
  failures: number;
}

/** The step that the session is at. Throws where it is at none. */
export function stepOf(screening: Screening, { stage }: Session): Step {
  const step = "step" in stage ? screening.steps[stage.step] : undefined;
  if (!step) throw new Error(`no step at ${stage.at}`);
  return step;
}

/** Null while recording: that panel is drawn by the cues. */
export function contentOf(view: View, actions: panels.Actions): HTMLElement | null {
  const { root, session } = view;
  const { stage } = session;
  const step = (): Step => stepOf(view.screening, session);
  switch (stage.at) {
    case "welcome":
      return panels.welcome(view.screening, actions);
    case "asking":
      return panels.asking(root, stage.slow, actions);
    case "blocked":
      return panels.blocked(root, stage.trouble, actions);
    case "framing":
      return panels.framing(view.devices, view.device, view.voice, actions);
    case "instruct":
      return panels.instruct(root, step(), session, view.statusOf(step().id) !== null, actions);
    case "countdown":
      return panels.recording(root, step().expression, "Get ready …", false, actions);
    case "recording":
      return null;
    case "saving":
      return panels.saving();
    case "replay":
      return panels.replay(step(), session.fromReview || !session.steps.includes("open"), actions);
    case "interrupted":
      return panels.interrupted(stage.why, view.failures > 1, actions);
    case "skipping":
      return panels.skipping(step(), actions);
    case "review":
      return review(root, view, actions);
  }
}
