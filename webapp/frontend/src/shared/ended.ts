// What a page says when the server will not tell it anything more, and the way on from there.
import { h } from "./dom";
import type { Ending } from "./live";

export function endingWords(why: Ending): string {
  return why === "logged out"
    ? "You are logged out. Please log in again to see what is new."
    : "This page is no longer yours to see. What it shows may be old.";
}

/** Back to this very page, by way of the log-in. */
export function loginAgain(why: Ending, style = ""): HTMLElement | null {
  if (why !== "logged out") return null;
  return h("a", { class: style, href: location.pathname + location.search }, "Log in again");
}
