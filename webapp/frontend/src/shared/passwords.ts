// Fields for passwords: what is typed can be shown, and a new one says how good it is.
import { h } from "./dom";

/** The site's own rule (screening/accounts/passwords.py). */
const LEAST = 12;
const QUIET_MS = 300;
const WORDS = ["Easy to guess", "Easy to guess", "Could be better", "Good", "Very good"];

type Strength = { strengthOf: (password: string) => number };

/** What the reader is told of a new password; a short one only how much is lacking. */
export function verdictOf(password: string, score: number): string {
  if (!password) return "";
  const lacking = LEAST - Array.from(password.replace(/ {2,}/g, " ")).length;
  if (lacking > 0) return lacking === 1 ? "1 character more" : `${lacking} characters more`;
  return WORDS[score] ?? "";
}

export function helpWithPasswords(): void {
  for (const field of document.querySelectorAll<HTMLInputElement>('input[type="password"]')) {
    offerToShow(field);
  }
  // Of a new password and its repetition the first.
  const fresh = document.querySelector<HTMLInputElement>('input[autocomplete="new-password"]');
  const address = document.documentElement.dataset.strength;
  if (fresh && address) tellStrength(fresh, address);
}

function offerToShow(field: HTMLInputElement): void {
  const box = h("input", { type: "checkbox" });
  box.addEventListener("change", () => {
    field.type = box.checked ? "text" : "password";
  });
  // Browsers keep what was sent from a field of text for the next form.
  field.form?.addEventListener("submit", () => {
    field.type = "password";
  });
  field.after(h("label", { class: "show-password" }, box, h("span", {}, "Show what I type")));
}

function tellStrength(field: HTMLInputElement, address: string): void {
  const meter = h("meter", { min: 0, max: 4, low: 2, high: 3, optimum: 4, "aria-hidden": "true" });
  const words = h("span", { role: "status" });
  const line = h("p", { class: "strength", hidden: true }, meter, words);
  field.after(line);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let library: Promise<Strength> | undefined;
  const tell = async (): Promise<void> => {
    library ??= import(address) as Promise<Strength>;
    const { strengthOf } = await library;
    const score = strengthOf(field.value);
    words.textContent = verdictOf(field.value, score);
    meter.value = Array.from(field.value).length < LEAST ? Math.min(score, 1) : score;
    line.hidden = !field.value;
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    // Without the lists the site itself still looks at the password.
    timer = setTimeout(() => void tell().catch(() => undefined), QUIET_MS);
  });
}
