// The clinician's own rating, and the request for new recordings.
import { byId, h } from "../shared/dom";
import type { Screening } from "../shared/types";
import type { ReviewRow } from "./types";
import { day } from "./words";

export function reviewList(reviews: ReviewRow[], grades: string[]): HTMLElement | null {
  if (reviews.length === 0) return null;
  return h(
    "section",
    { class: "card", id: "reviews" },
    h("h2", {}, "Reviews"),
    ...reviews.map((review) =>
      h(
        "div",
        {},
        h(
          "p",
          {},
          h("strong", {}, review.grade === null ? "No grade" : `MDS-UPDRS 3.2: ${review.grade} ${grades[review.grade] ?? ""}`),
          h("br"),
          h("span", { class: "soft" }, `${review.reviewer}, ${day(review.signed_off_at)}`),
        ),
        review.note && h("p", {}, review.note),
      ),
    ),
  );
}

/** The form; one that is half filled in survives a redraw of its surroundings. */
export function reviewForm(
  onSign: (grade: number | null, note: string) => Promise<boolean>,
  around: HTMLElement,
): HTMLElement {
  const existing = around.querySelector<HTMLFormElement>("form#review");
  if (existing && existing.dataset.touched) return existing;
  const anchors = document.importNode(byId<HTMLTemplateElement>("anchors").content, true);
  const form = h(
    "form",
    {
      id: "review",
      class: "card",
      oninput: () => {
        form.dataset.touched = "yes";
      },
      onsubmit: (event) => {
        event.preventDefault();
        const fields = new FormData(form);
        const grade = fields.get("grade");
        const signing = onSign(grade === "" || grade === null ? null : Number(grade), String(fields.get("note") ?? ""));
        void once(form, signing, () => delete form.dataset.touched);
      },
    },
    h("h2", {}, "Your review"),
    h("fieldset", { class: "anchors" }, h("legend", {}, "Facial expression, MDS-UPDRS item 3.2"), anchors),
    h("label", { for: "note" }, "Note"),
    h("textarea", { id: "note", name: "note", rows: 3 }),
    h("p", { class: "actions" }, h("button", { class: "button" }, "Sign off")),
  );
  return form;
}

export function rerecordForm(
  root: HTMLElement,
  screening: Screening,
  onAsk: (steps: string[], note: string) => Promise<boolean>,
): HTMLElement {
  const kept = root.querySelector<HTMLDetailsElement>("details#rerecord");
  if (kept?.open) return kept;
  const form = h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        const fields = new FormData(form);
        const asking = onAsk(fields.getAll("steps").map(String), String(fields.get("why") ?? ""));
        void once(form, asking, () => {
          details.open = false;
        });
      },
    },
    h(
      "fieldset",
      {},
      h("legend", {}, "Which ones?"),
      h(
        "div",
        { class: "choices" },
        ...screening.steps.map((step) =>
          h(
            "label",
            {},
            h("input", {
              type: "checkbox",
              name: "steps",
              value: step.expression,
              checked: ["unusable", "failed"].includes(step.clip.state),
            }),
            step.title,
          ),
        ),
      ),
    ),
    h("label", { for: "why" }, "A word to the patient"),
    h("textarea", { id: "why", name: "why", rows: 2 }),
    h("p", { class: "actions" }, h("button", { class: "button quiet" }, "Ask the patient")),
  );
  const details = h("details", { class: "card no-print", id: "rerecord" }, h("summary", {}, "Ask for new recordings"), form);
  return details;
}

/** Nothing can be sent twice, and what was written stays until the server has it. */
async function once(form: HTMLFormElement, sending: Promise<boolean>, onDone: () => void): Promise<void> {
  const send = form.querySelector("button");
  send?.setAttribute("disabled", "");
  if (await sending) onDone();
  send?.removeAttribute("disabled");
}
