// The assessment as clinicians get it: the API's envelope around ml's own JSON.
import type { Words } from "./words";

export interface Quality {
  face_found_rate?: number | null;
  faces_max?: number | null;
  brightness?: number | null;
  sharpness?: number | null;
  yaw?: number | null;
  pitch?: number | null;
  roll?: number | null;
  face_size?: number | null;
  frame_rate?: number | null;
  dropped_share?: number | null;
  duration_s?: number | null;
  frames?: number | null;
  width?: number | null;
  height?: number | null;
}

export interface Sign {
  name: string;
  value: number | null;
  unit: string;
  percentile: number | null;
  norm: string | null;
}

export interface Curve {
  t: number[];
  intensity: (number | null)[];
  reference?: string;
  peaks?: { t: number; intensity: number; onset: number | null; end: number }[];
}

export interface ClipReport {
  expression: string;
  state: string;
  reason: string | null;
  detail: string;
  quality: Quality;
  signs: Sign[];
  curve: Curve | null;
}

export interface Without {
  hypomimia_index: number | null;
  p_pd: number | null;
}

export interface Result {
  hypomimia_index: number | null;
  hypomimia_reference: string | null;
  severity: Record<string, number> | null;
  severity_expected: number | null;
  severity_reason: string | null;
  severity_experimental: boolean;
  p_pd: number | null;
  p_pd_interval: [number, number] | null;
  prevalence: number | null;
  prediction_set: string[] | null;
  abstained: string | null;
  abstained_words: string | null;
  attention: Record<string, number> | null;
  leave_one_out: Record<string, Without> | null;
  missing: string[];
  /** What the model's LSTM says by itself; absent in older results. */
  diagnosis?: { p_pd: number | null; used: string[] } | null;
  intensity_source: Record<string, unknown> | null;
  clips: ClipReport[];
}

export interface Envelope {
  id: string;
  created_at: string;
  bundle: { name: string; version: string; digest: string; sources: unknown };
  measurements_digest: string;
  result: Result;
}

export interface MeasurementEnvelope {
  clip: string;
  expression: string;
  state: string;
  measurement: {
    detail: string;
    quality: Quality;
    timestamps: number[];
    signals: Record<string, (number | null)[]>;
    cues?: number[] | null;
    measurer?: { name: string; version: string; digest: string };
  };
  curve: Curve | null;
}

export interface ReviewRow {
  id: string;
  grade: number | null;
  note: string;
  reviewer: string;
  signed_off_at: string;
}

export interface CaseData {
  screening: string;
  site: string;
  after: number;
  releasePolicy: string;
  bundle: {
    intended_use?: string;
    sources?: { name: string; licence: string; used_for: string }[];
    training?: Record<string, string | number>;
  } | null;
  words: Words;
}
