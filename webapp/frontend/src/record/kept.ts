// A recording that the server refuses stays here; what happens to it, the patient says.
import { button, h } from "../shared/dom";

export interface KeptActions {
  resend: (take: string) => void;
  discard: (take: string) => void;
}

const ASK = "Delete this recording? Your clinic does not have it.";

export function keptButtons(take: string, title: string, actions: KeptActions): HTMLElement {
  const discard = (): void => {
    if (window.confirm(ASK)) actions.discard(take);
  };
  const named = (verb: string): { "aria-label": string } => ({ "aria-label": `${verb}: ${title}` });
  return h(
    "div",
    { class: "kept" },
    button("Send again", () => actions.resend(take), "plain", named("Send again")),
    button("Discard", discard, "plain", named("Discard")),
  );
}
