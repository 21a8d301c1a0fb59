// On every page: copy buttons, idle time, help with passwords, words for passkeys that fail.
import { watchIdle } from "./shared/idle";
import { helpWithPasswords } from "./shared/passwords";
import { showPasskeyTrouble } from "./shared/passkeys";

watchIdle();
helpWithPasswords();
showPasskeyTrouble();

for (const element of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  element.addEventListener("click", () => {
    const field = document.querySelector<HTMLInputElement>(element.dataset.copy ?? "");
    if (!field) return;
    field.select();
    const done = (): void => {
      element.textContent = "Copied";
    };
    // Without HTTPS there is no clipboard: the selected text can be copied by hand.
    navigator.clipboard?.writeText(field.value).then(done, () => field.focus());
  });
}
