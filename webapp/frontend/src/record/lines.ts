// The two lines that stand at every stage of the camera page: whether this device keeps recordings,
// and what is on its way.
import { h } from "../shared/dom";
import type { Outbox, StorageTrouble } from "./outbox";
import { sendingWords, type Status } from "./sending";

const WHY: Record<StorageTrouble, string> = {
  refused: "This browser keeps nothing on this device. Perhaps this is a private window.",
  full: "This device has no room left to keep recordings.",
  silent: "This device’s storage does not answer at the moment.",
};

export class Lines {
  readonly keeping = h("p", { class: "note warn", role: "status", hidden: true });
  readonly sending = h("p", { class: "sending", role: "status", hidden: true });

  show(outbox: Outbox, unsent: Status[]): void {
    const isHeldHere = unsent.some((status) => !status.safe);
    const trouble = outbox.trouble ?? (isHeldHere ? outbox.lastTrouble : null);
    put(this.keeping, trouble && keepingWords(trouble));
    put(this.sending, sendingWords(unsent));
  }
}

function keepingWords(trouble: StorageTrouble): string {
  return `You can record as usual, but please keep this page open until everything is sent. ${WHY[trouble]}`;
}

/** Hides when there is nothing to say; only a change is read out. */
function put(line: HTMLElement, words: string | null): void {
  line.hidden = words === null;
  if (words && line.textContent !== words) line.textContent = words;
}

/** Asks the browser not to clear our storage when the device runs out of room. */
export function askToPersist(): void {
  // Firefox would ask the person, who has just been asked for the camera.
  if (navigator.userAgent.includes("Firefox/")) return;
  void navigator.storage?.persist?.().catch(() => false);
}
