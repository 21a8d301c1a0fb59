// The overview before sending: every part with its state, and what can be recorded again.
import { button, type Child, face, h } from "../shared/dom";
import type { Screening, Step, Words } from "../shared/types";
import { keptButtons } from "./kept";
import type { Actions } from "./panels";
import { type Line, type Status, statusLine } from "./sending";

export interface ReviewState {
  screening: Screening;
  statusOf: (step: string) => Status | null;
  submitting: boolean;
  problem: string;
}

/** What a patient reads about one part: from this device first, then from the server. */
export function lineOf(step: Step, status: Status | null): Line {
  const line = (label: string, badge: string, words = ""): Line => ({ label, badge, words });
  const local = status && statusLine(status);
  if (local) return local;
  const { clip } = step;
  switch (clip.state) {
    case "skipped":
      return line("left out", "", clip.skip_reason ?? "");
    case "unusable":
    case "failed":
      return line("not usable", "warn", sentences(clip.words));
    case "measured":
      return line("fine", "good");
    case "received":
    case "measuring":
      return line("received", "good");
    case "uploading":
      return line("missing", "warn", "It was begun on another device or in another window.");
    default:
      return line("missing", "warn");
  }
}

const TO_RECORD = ["left out", "missing", "not sent"];

export function review(root: HTMLElement, state: ReviewState, actions: Actions): HTMLElement {
  const lines = state.screening.steps.map((step, n) => {
    const line = lineOf(step, state.statusOf(step.id));
    return { step, n, line, again: TO_RECORD.includes(line.label) ? "Record" : "Record again" };
  });
  const missing = lines.filter(({ line }) => line.label === "missing" || line.label === "not sent");
  const unusable = lines.filter(({ line }) => line.label === "not usable").length;
  return h(
    "section",
    {},
    h("h1", { tabindex: -1 }, missing.length ? "Some parts are still missing" : "Ready to send"),
    h(
      "p",
      { class: "lead" },
      leadOf(unusable),
    ),
    h(
      "ul",
      { class: "clip-list" },
      ...lines.map(({ step, n, line, again }) =>
        h(
          "li",
          { class: `clip-row with-button ${line.badge === "warn" ? "needs" : ""}` },
          face(root, step.expression),
          h("h3", {}, step.title, " ", h("span", { class: `badge ${line.badge}` }, line.label)),
          h("p", {}, line.words),
          button(again, () => actions.choose(n), "plain", {
            "aria-label": again.replace("Record", `Record ${step.title}`),
          }),
          kept(step, state.statusOf(step.id), actions),
        ),
      ),
    ),
    state.problem && h("p", { class: "note bad", role: "alert" }, state.problem),
    h(
      "div",
      { class: "actions" },
      state.submitting
        ? h("p", { class: "note", role: "status" }, submittingWords(state))
        : button("Send to my clinic", actions.submit, "", { disabled: missing.length > 0 }),
    ),
  );
}

/** "Sending" only while something moves; what waits goes on by itself. */
function submittingWords({ screening, statusOf, problem }: ReviewState): string {
  const waits = screening.steps.some(({ id }) =>
    ["waiting", "signed_out", "elsewhere"].includes(statusOf(id)?.phase ?? ""),
  );
  return waits || problem
    ? "Not everything is sent yet. This page goes on by itself as soon as it can; please keep it open."
    : "Sending. Please keep this page open until it is done.";
}

/** The sentence above the list, for as many unusable recordings as there are. */
export function leadOf(unusable: number): string {
  if (unusable === 0) return "You can record any part again, or send everything to your clinic.";
  return unusable === 1
    ? "One recording could not be used. You can record it again now, or send the others as they are."
    : `${unusable} recordings could not be used. You can record them again now, or send the others as they are.`;
}

function sentences(words: Words | null): string {
  return words ? `${words.title.replace(/\.$/, "")}. ${words.advice}` : "";
}

function kept(step: Step, status: Status | null, actions: Actions): Child {
  return status?.phase === "refused" && keptButtons(status.take, step.title, actions);
}
