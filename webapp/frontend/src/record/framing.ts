// From what the face finder sees to one short hint, steady enough to be read.

export interface Box {
  /** Share of the picture's width and height: left, top, width, height. */
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Reading {
  /** Null when no face finder runs in this browser: then only the light is judged. */
  faces: Box[] | null;
  /** Mean brightness of the face, or of the picture: 0 black … 1 white. */
  brightness: number;
}

export type Hint =
  | "ok"
  | "no_face"
  | "several"
  | "too_far"
  | "too_near"
  | "off_centre"
  | "too_dark"
  | "too_bright"
  | "moving";

export const HINT_WORDS: Record<Hint, string> = {
  ok: "Very good. Stay like this.",
  no_face: "Please look into the camera.",
  several: "Please be alone in the picture.",
  too_far: "Please come a little closer.",
  too_near: "Please move back a little.",
  off_centre: "Please move into the oval.",
  too_dark: "It is dark. Please turn on a light in front of you.",
  too_bright: "Very bright. Please turn away from the light a little.",
  moving: "Please hold the camera still.",
};

// The detector's box spans brows to chin: about 0.38 of the picture's height at arm's length.
const NEAR = 0.72;
const FAR = 0.22;
const DARK = 0.2;
const BRIGHT = 0.9;
const OFF_CENTRE = 0.18;
const SHAKE = 0.06;

/** The one thing that matters most now. ``before`` is the previous reading's face, if any. */
export function hintOf(reading: Reading, before: Box | null = null): Hint {
  if (reading.brightness < DARK) return "too_dark";
  if (reading.brightness > BRIGHT) return "too_bright";
  if (reading.faces === null) return "ok";
  const [face, ...others] = reading.faces;
  if (!face) return "no_face";
  if (others.length > 0) return "several";
  if (face.h < FAR) return "too_far";
  if (face.h > NEAR) return "too_near";
  const dx = face.x + face.w / 2 - 0.5;
  const dy = face.y + face.h / 2 - 0.5;
  if (Math.abs(dx) > OFF_CENTRE || Math.abs(dy) > OFF_CENTRE) return "off_centre";
  if (before && Math.hypot(face.x - before.x, face.y - before.y) > SHAKE) return "moving";
  return "ok";
}

/** Changes what is shown only after a new hint came ``needed`` times in a row: no flicker. */
export class Steady {
  private shown: Hint | null = null;
  private candidate: Hint | null = null;
  private seen = 0;

  constructor(private readonly needed = 3) {}

  feed(hint: Hint): Hint {
    this.seen = hint === this.candidate ? this.seen + 1 : 1;
    this.candidate = hint;
    if (this.shown === null || this.seen >= this.needed) this.shown = hint;
    return this.shown;
  }
}
