// The overview before sending: every part with its state, and what can be recorded again.
import { button, face, h } from "../shared/dom";
import type { Screening, Step } from "../shared/types";
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
    if (status.phase === "refused") return line("not sent", "bad", "", status.words);
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
  const unusable = lines.some(({ line }) => line.label === "not usable");
  return h(
    "section",
    {},
    h("h1", { tabindex: -1 }, missing.length ? "Some parts are still missing" : "Ready to send"),
    h(
      "p",
      { class: "lead" },
      unusable
        ? "One recording could not be used. You can record it again now, or send the others as they are."
        : "You can record any part again, or send everything to your clinic.",
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
          h("p", {}, [line.words, line.advice].filter(Boolean).join(". ")),
          button(line.again, () => actions.choose(n), "plain", {
            "aria-label": line.again.replace("Record", `Record ${step.title}`),
          }),
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
