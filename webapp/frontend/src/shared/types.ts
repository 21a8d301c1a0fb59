// What the API speaks. Mirrors screening/api; a field that may be missing is null, never absent.

export type ClipState =
  | "expected"
  | "uploading"
  | "received"
  | "measuring"
  | "measured"
  | "unusable"
  | "failed"
  | "skipped"
  | "superseded";

export type ScreeningState =
  | "draft"
  | "submitted"
  | "needs_rerecord"
  | "scored"
  | "released"
  | "withdrawn";

export interface Words {
  title: string;
  advice: string;
}

export interface Cue {
  at: number;
  kind: "make" | "relax";
}

export interface Clip {
  id: string;
  take: number;
  state: ClipState;
  reason: string | null;
  words: Words | null;
  skip_reason: string | null;
  seconds: number | null;
  size: number | null;
  upload: { id: string; offset: number; length: number | null } | null;
  video_url: string | null;
  /** Whether a page may show it; what no decoder has read is only given to be saved. */
  video_plays: boolean;
}

export interface Step {
  id: string;
  order: number;
  expression: string;
  title: string;
  /** The word to show and to say while the expression is to be made. */
  cue: string;
  instruction: string;
  seconds: number;
  repetitions: number;
  cues: Cue[];
  clip: Clip;
}

export interface Seen {
  expression: string;
  title: string;
  words: string;
}

/** The released result as a patient reads it. */
export interface PatientResult {
  index: number | null;
  index_words: string | null;
  seen: Seen[];
  p_pd: number | null;
  abstained_words: string | null;
  bundle: { name: string; version: string } | null;
}

export interface Screening {
  id: string;
  state: ScreeningState;
  state_words: string;
  is_delayed?: boolean;
  is_phantom: boolean;
  created_at: string;
  submitted_at: string | null;
  released_at: string | null;
  patient: { pseudonym: string; name?: string | null };
  protocol: { slug: string; version: number; name: string };
  steps: Step[];
  intake: Record<string, string | number | boolean | null> | null;
  result: PatientResult | null;
  rerecord_note?: string | null;
  next: "consent" | "intake" | "record" | "wait" | "result";
}

export interface LiveEvent {
  number: number;
  kind: string;
  data: Record<string, string | null>;
  at: string;
}
