// A take as the recorder writes it, and the bytes of a chunk.
import type { Take } from "../src/record/outbox";

export const take = (fields: Partial<Take> = {}): Take => ({
  id: crypto.randomUUID(),
  user: "7",
  screening: "s",
  step: "st",
  expression: "smile",
  mimeType: "video/mp4",
  createdAt: Date.now(),
  state: "recording",
  announced: null,
  clip: null,
  uploadUrl: null,
  ...fields,
});
export const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;
