// What stands under the picture at each stage: few words, one large button.
import { ApiError, sentenceOf } from "../shared/api";
import { button, face, h, staticUrl } from "../shared/dom";
import type { Screening, Step } from "../shared/types";
import type { Device } from "./camera";
import { ENDINGS, type Ending } from "./endings";
import { browserOf, type Help, helpFor, helpWithQuestion } from "./help";
import type { KeptActions } from "./kept";
import type { Session, Trouble } from "./machine";
import { Voice } from "./speech";

export interface Actions extends KeptActions {
  open: () => void;
  pickCamera: (id: string) => void;
  framed: () => void;
  begin: () => void;
  stop: () => void;
  playAgain: () => void;
  again: () => void;
  next: () => void;
  skip: () => void;
  cancelSkip: () => void;
  saveSkip: (reason: string) => void;
  choose: (step: number) => void;
  keep: () => void;
  submit: () => void;
  turnVoice: (on: boolean) => void;
  repeatVoice: () => void;
}

export const SKIP_REASONS = [
  "I cannot make this face",
  "It hurts or is uncomfortable",
  "I do not want to",
  "The camera does not work well",
];

function heading(text: string): HTMLHeadingElement {
  return h("h1", { tabindex: -1 }, text);
}

export function welcome(screening: Screening, actions: Actions): HTMLElement {
  const parts = screening.steps.length;
  return h(
    "section",
    {},
    heading("Get ready for the camera"),
    h(
      "ol",
      { class: "steps" },
      h("li", {}, "Sit down. Put the device in front of you, at the height of your eyes, so that it stands by itself."),
      h("li", {}, "Let light fall on your face, from a window or a lamp in front of you."),
      h("li", {}, "If you can, take off your glasses, and be alone in the picture."),
    ),
    h(
      "p",
      {},
      `There are ${parts} short parts. You see each recording and may repeat it. No sound is recorded. You can take a break at any time.`,
    ),
    h("div", { class: "actions" }, button("Switch the camera on", actions.open)),
    h(
      "p",
      { class: "soft" },
      "Your browser will ask whether this page may use the camera. Please choose “Allow”.",
    ),
  );
}

export function blocked(root: HTMLElement, trouble: Trouble, actions: Actions): HTMLElement {
  const help = helpFor(trouble, browserOf(navigator.userAgent));
  return h(
    "section",
    { role: "alert" },
    heading(help.title),
    h("p", { class: "lead" }, help.words),
    helpSteps(root, help),
    h("div", { class: "actions" }, button("Try again", actions.open)),
  );
}

function helpSteps(root: HTMLElement, { steps, picture }: Pick<Help, "steps" | "picture">): HTMLElement {
  return h(
    "div",
    { class: "help" },
    h("ol", { class: "steps" }, ...steps.map((step) => h("li", {}, step))),
    h("img", { class: "help-picture", src: staticUrl(root, `help/${picture}.svg`), alt: "" }),
  );
}

/** While the browser asks the person, or the camera wakes up: nobody can tell which from here. */
export function asking(root: HTMLElement, slow: boolean, actions: Actions): HTMLElement {
  if (!slow) {
    return h(
      "section",
      {},
      heading("One moment, the camera is starting …"),
      h("p", { class: "lead" }, "If your browser asks whether this page may use the camera, please choose “Allow”."),
    );
  }
  return h(
    "section",
    { role: "status" },
    heading("Perhaps your browser is asking you"),
    h("p", { class: "lead" }, "The camera has not started yet."),
    helpSteps(root, helpWithQuestion(browserOf(navigator.userAgent))),
    h("div", { class: "actions" }, button("Ask again", actions.open, "quiet")),
  );
}

export function framing(
  devices: Device[],
  current: string,
  voice: Voice,
  actions: Actions,
): HTMLElement {
  const select = h(
    "select",
    { id: "camera", onchange: () => actions.pickCamera(select.value) },
    ...devices.map((device) =>
      h("option", { value: device.id, selected: device.id === current }, device.name),
    ),
  );
  return h(
    "section",
    {},
    heading("Can you see yourself?"),
    h("p", {}, "Your whole face should be inside the oval, well lit and sharp."),
    h(
      "div",
      { class: "toolbar" },
      devices.length > 1 && h("label", { for: "camera" }, "Camera", select),
      voiceSwitch(voice, actions),
    ),
    h("div", { class: "actions" }, button("Yes, I can see my face", actions.framed)),
  );
}

function voiceSwitch(voice: Voice, actions: Actions): HTMLElement | null {
  if (!Voice.isAvailable) return null;
  const box = h("input", {
    type: "checkbox",
    checked: voice.on,
    onchange: () => actions.turnVoice(box.checked),
  });
  return h("label", { class: "choice" }, box, h("span", {}, "Read the instructions aloud"));
}

export function instruct(
  root: HTMLElement,
  step: Step,
  session: Session,
  isKept: boolean,
  actions: Actions,
): HTMLElement {
  const hasEarlier = session.fromReview && (isKept || step.clip.state !== "expected");
  return h(
    "section",
    {},
    h(
      "div",
      { class: "prompt" },
      face(root, step.expression),
      h("div", {}, heading(step.title), h("p", { class: "lead" }, step.instruction)),
    ),
    h("p", { class: "soft" }, howLong(step)),
    h(
      "div",
      { class: "actions" },
      button("I am ready", actions.begin),
      Voice.isAvailable && button("Say it to me", actions.repeatVoice, "quiet"),
      hasEarlier
        ? button("Keep the earlier recording", actions.keep, "plain")
        : button("Leave this part out", actions.skip, "plain"),
    ),
  );
}

function howLong(step: Step): string {
  const times = ["", "once", "twice", "three times", "four times", "five times"];
  if (!step.repetitions) return `The recording takes ${step.seconds} seconds.`;
  const often = times[step.repetitions] ?? `${step.repetitions} times`;
  return `The recording takes ${step.seconds} seconds. The page tells you ${often} when to make the face and when to relax.`;
}

export function recording(
  root: HTMLElement,
  expression: string,
  word: string,
  made: boolean,
  actions: Actions,
): HTMLElement {
  return h(
    "section",
    { class: "cue" },
    face(root, made ? expression : "rest"),
    h("h1", { class: "word" }, word),
    button("Stop", actions.stop, "quiet"),
  );
}

export function saving(): HTMLElement {
  return h("section", {}, heading("Thank you. One moment …"));
}

export function replay(step: Step, isLast: boolean, actions: Actions): HTMLElement {
  return h(
    "section",
    {},
    heading("Well done. Is your face easy to see?"),
    h("p", {}, `This is your recording “${step.title}”. It does not have to be perfect.`),
    h(
      "div",
      { class: "actions" },
      button(isLast ? "Yes, finish" : "Yes, next part", actions.next),
      button("Record again", actions.again, "quiet"),
      button("Play again", actions.playAgain, "plain"),
    ),
  );
}

export function interrupted(why: Ending, isRepeated: boolean, actions: Actions): HTMLElement {
  return h(
    "section",
    { role: "alert" },
    heading("Let us do this part again"),
    h("p", { class: "lead" }, ENDINGS[why].words),
    h("p", {}, "Everything you recorded before is kept."),
    isRepeated &&
      h(
        "p",
        { class: "note" },
        "This was not the first time. If it goes on, please close other programs, or open this page in another browser or on another device.",
      ),
    h(
      "div",
      { class: "actions" },
      button("Record again", actions.again),
      button("Leave this part out", actions.skip, "plain"),
    ),
  );
}

export function skipping(step: Step, actions: Actions): HTMLElement {
  const other = h("input", { id: "other", maxlength: 200, autocomplete: "off" });
  const form = h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        const chosen = new FormData(form).get("reason");
        actions.saveSkip(chosen === "other" || !chosen ? other.value : String(chosen));
      },
    },
    h(
      "fieldset",
      {},
      h("legend", {}, "Please say why. It helps your clinic."),
      ...[...SKIP_REASONS, "other"].map((reason) =>
        h(
          "label",
          { class: "choice" },
          h("input", { type: "radio", name: "reason", value: reason, required: true }),
          h("span", {}, reason === "other" ? "Another reason:" : reason),
        ),
      ),
      h("label", { class: "visually-hidden", for: "other" }, "Another reason, in your words"),
      other,
    ),
    h(
      "div",
      { class: "actions" },
      h("button", { class: "button" }, "Leave it out"),
      button("No, I will record it", actions.cancelSkip, "quiet"),
    ),
  );
  return h("section", {}, heading(`Leave out “${step.title}”?`), form);
}

/** In place of the recorder, when the page could not be opened. */
export function closed(error: unknown): HTMLElement {
  const isPassing = error instanceof ApiError && error.isPassing;
  return h(
    "section",
    { role: "alert" },
    heading(isPassing ? "We cannot reach your clinic just now" : "This page could not be opened"),
    h("p", { class: "lead" }, sentenceOf(error)),
    h("p", {}, "Nothing that you recorded is lost by this."),
    h("p", { class: "actions" }, h("a", { class: "button", href: location.href }, "Try again")),
  );
}
