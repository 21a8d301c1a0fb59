// The overview before sending: every part with its state, and what can be recorded again.
import { button, type Child, face, h } from "../shared/dom";
import type { Screening, Step } from "../shared/types";
import { keptButtons } from "./kept";
import type { Session } from "./machine";
import type { Actions } from "./panels";
import type { Status } from "./sender";

export interface ReviewState {
  screening: Screening;
  session: Session;
  statusOf: (step: string) => Status | null;
  submitting: boolean;
  problem: string;
}

interface Line {
  words: string;
  badge: string;
  label: string;
  advice: string;
  again: string;
}

/** What a patient reads about one part: from this device first, then from the server. */
export function lineOf(step: Step, progress: string, status: Status | null): Line {
  const line = (label: string, badge: string, words = "", advice = ""): Line => ({
    label,
    badge,
    words,
    advice,
    again: ["left out", "missing", "not sent"].includes(label) ? "Record" : "Record again",
  });
  if (status) {
    if (status.phase === "waiting" || status.phase === "signed_out") {
      return line("waiting", "warn", "Safe on this device, waiting for the connection.");
    }
    if (status.phase === "refused") {
      return line("not sent", "bad", status.words, "The recording is kept on this device.");
    }
    const percent = status.total ? Math.floor((100 * status.sent) / status.total) : null;
    return line(percent === null ? "sending" : `sending ${percent} %`, "deep");
  }
  const { clip } = step;
  switch (clip.state) {
    case "skipped":
      return line("left out", "", clip.skip_reason ?? "");
    case "unusable":
    case "failed":
      return line("not usable", "warn", clip.words?.title ?? "", clip.words?.advice ?? "");
    case "measured":
      return line("fine", "good");
    case "received":
    case "measuring":
      return line("received", "good");
    default:
      return progress === "recorded" ? line("sending", "deep") : line("missing", "warn");
  }
}

export function review(root: HTMLElement, state: ReviewState, actions: Actions): HTMLElement {
  const { screening, session } = state;
  const lines = screening.steps.map((step, n) => ({
    step,
    n,
    line: lineOf(step, session.steps[n] ?? "open", state.statusOf(step.id)),
  }));
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
      ...lines.map(({ step, n, line }) =>
        h(
          "li",
          { class: `clip-row with-button ${line.badge === "warn" ? "needs" : ""}` },
          face(root, step.expression),
          h("h3", {}, step.title, " ", h("span", { class: `badge ${line.badge}` }, line.label)),
          h("p", {}, sentences(line.words, line.advice)),
          button(line.again, () => actions.choose(n), "plain", {
            "aria-label": line.again.replace("Record", `Record ${step.title}`),
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
        ? h("p", { class: "note", role: "status" }, "Sending. Please keep this page open until it is done.")
        : button("Send to my clinic", actions.submit, "", { disabled: missing.length > 0 }),
    ),
  );
}

/** The sentence above the list, for as many unusable recordings as there are. */
export function leadOf(unusable: number): string {
  if (unusable === 0) return "You can record any part again, or send everything to your clinic.";
  return unusable === 1
    ? "One recording could not be used. You can record it again now, or send the others as they are."
    : `${unusable} recordings could not be used. You can record them again now, or send the others as they are.`;
}

function sentences(words: string, advice: string): string {
  return words && advice ? `${words.replace(/\.$/, "")}. ${advice}` : words || advice;
}

function kept(step: Step, status: Status | null, actions: Actions): Child {
  return status?.phase === "refused" && keptButtons(status.take, step.title, actions);
}
