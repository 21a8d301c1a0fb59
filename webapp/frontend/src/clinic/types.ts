// A case as clinicians get it: the API's shapes, and what the page itself brings along.
import type { Shapes } from "../shared/types";
import type { Words } from "./words";

export type Result = Shapes["Assessment"];
export type ClipReport = Shapes["ClipReport"];
export type Quality = Shapes["Quality"];
export type Sign = Shapes["Sign"];
export type Envelope = Shapes["AssessmentOut"];
export type MeasurementEnvelope = Shapes["MeasurementOut"];
export type ReviewRow = Shapes["ReviewOut"];

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
