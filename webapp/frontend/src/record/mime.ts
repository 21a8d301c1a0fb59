// Which container to record: MP4 where the browser offers it (Safari's webm is rotated), else webm.

export const CANDIDATES = [
  "video/mp4;codecs=avc1.42E01F",
  "video/mp4;codecs=avc1",
  "video/mp4",
  "video/webm;codecs=vp8",
  "video/webm;codecs=vp9",
  "video/webm",
] as const;

/** The first type that is supported and did not fail before; "" lets the browser choose. */
export function pickMime(
  isSupported: (type: string) => boolean,
  failed: ReadonlySet<string> = new Set(),
): string {
  return CANDIDATES.find((type) => isSupported(type) && !failed.has(type)) ?? "";
}
