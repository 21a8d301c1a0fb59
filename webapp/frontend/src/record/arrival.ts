// What the server knows of a take: the clip it belongs to, and whether it has arrived.
import { ApiError, call } from "../shared/api";
import type { Clip, Screening } from "../shared/types";
import type { Announced, Take } from "./outbox";
import { sha256Hex } from "./source";

/** The clip that a take of this step belongs to now; a handed-in one is replaced by a new one. */
export async function currentClip(take: Take): Promise<string> {
  const screening = await call<Screening>("GET", `screenings/${take.screening}/`);
  const step = screening.steps.find((one) => one.id === take.step);
  if (!step) throw new ApiError(422, "step", "This part does not belong to the screening.");
  if (step.clip.state === "expected" || step.clip.state === "uploading") return step.clip.id;
  return (await call<Clip>("POST", `clips/${step.clip.id}/rerecord/`)).id;
}

/** Says that the upload is whole; the server answers only when size and SHA-256 agree. */
export async function complete(
  url: string,
  bytes: ArrayBuffer,
  announced: Announced,
): Promise<Clip> {
  const path = `${new URL(url, location.href).pathname}complete/`;
  const body = { size: bytes.byteLength, sha256: await sha256Hex(bytes), announced };
  return call<Clip>("POST", path, body);
}

/**
 * The clip, if the server holds this very recording already: its answer was lost on the way. One
 * that was left out, replaced, or filled with another recording is no such thing.
 */
export async function arrived(take: Take, size: number): Promise<Clip | null> {
  if (!take.clip || !take.announced) return null;
  try {
    const clip = await call<Clip>("GET", `clips/${take.clip}/`);
    const isHere = !["expected", "uploading", "skipped"].includes(clip.state);
    return isHere && clip.size === size ? clip : null;
  } catch {
    return null;
  }
}
