// Names and figures as clinicians read them.

export function percentWords(value: number | null | undefined, digits = 0): string {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(digits)} %`;
}

export function figure(value: number | null | undefined, digits = 2): string {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

/** Enough digits for small variances too. */
export function signValue(value: number | null, unit: string): string {
  if (value === null) return "–";
  if (unit === "count") return String(Math.round(value));
  const size = Math.abs(value);
  return size !== 0 && size < 0.01 ? value.toExponential(2) : value.toFixed(size < 10 ? 3 : 1);
}

export function day(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** "5 minutes ago", "yesterday"; after a week the date. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (seconds < 60) return "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (seconds < 3600) return words.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86_400) return words.format(-Math.round(seconds / 3600), "hour");
  if (seconds < 7 * 86_400) return words.format(-Math.round(seconds / 86_400), "day");
  return new Date(iso).toLocaleDateString(undefined, { dateStyle: "medium" });
}

/** What the site calls things; the page brings it along. */
export interface Words {
  /** ``masked``: what a masked face has of a sign beside a lively one; null where it does not tell. */
  signs: Record<string, { title: string; masked: "less" | "more" | null }>;
  /** The signals that are measured, in the order in which they are shown. */
  signals: Record<string, string>;
  /** What was done instead of what was asked, by code. */
  notes: Record<string, string>;
  /** The expressions, as they stand within a sentence. */
  titles: Record<string, string>;
  /** By grade of MDS-UPDRS 3.2, 0 to 4. */
  grades: string[];
  intake: Record<string, string>;
}

/** Each question with its answer; an open one has "". */
export function intakeRows(
  intake: Record<string, string | number | boolean | null>,
  words: Words["intake"],
): [string, string][] {
  return Object.entries(words).map(([key, label]) => {
    const value = intake[key];
    if (value === null || value === undefined || value === "") return [label, ""];
    return [label, typeof value === "boolean" ? (value ? "yes" : "no") : String(value)];
  });
}
