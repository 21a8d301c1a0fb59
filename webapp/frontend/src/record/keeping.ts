// What people read where this device keeps no recordings: they can record all the same, and have to
// know that this window must stay open.
import type { StorageTrouble } from "./outbox";

const WHY: Record<StorageTrouble, string> = {
  refused: "This browser keeps nothing on this device. Perhaps this is a private window.",
  full: "This device has no room left to keep recordings.",
  silent: "This device’s storage does not answer at the moment.",
};

export function keepingWords(trouble: StorageTrouble): string {
  return `${WHY[trouble]} You can record all the same. Please keep this page open until everything is sent.`;
}

/** Asks the browser not to clear our storage when the device runs out of room. */
export function askToPersist(): void {
  // Firefox would ask the person, who has just been asked for the camera.
  if (navigator.userAgent.includes("Firefox/")) return;
  void navigator.storage?.persist?.().catch(() => false);
}
