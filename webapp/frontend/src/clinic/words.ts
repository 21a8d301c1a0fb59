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

const SIGNS: Record<string, string> = {
  peak: "Peak intensity",
  amplitude: "Amplitude over the clip’s calm",
  mean: "Mean intensity",
  area: "Area under the curve",
  repetitions: "Repetitions found",
  "onset-latency": "Onset latency from the prompt",
  "rise-rate": "Rise rate",
  "decay-rate": "Decay rate",
  "mean-speed": "Mean speed",
  "plateau-jitter": "Plateau jitter",
  asymmetry: "Asymmetry (above 0: right moves less)",
  "blink-rate": "Blink rate",
  "lips-parted": "Lips parted, share of the time",
  tremor: "Jaw tremor, 3.5–7.5 Hz",
};

export const SIGNALS = [
  "eye-open-right",
  "eye-open-left",
  "eye-raise-right",
  "eye-raise-left",
  "mouth-open",
  "mouth-width",
  "jaw-open",
] as const;

export function signName(name: string): string {
  const statistic = /^(.*)_(mean|var)$/.exec(name);
  if (statistic?.[1]) {
    return `${signalName(statistic[1])}, ${statistic[2] === "mean" ? "mean" : "variance"}`;
  }
  return SIGNS[name] ?? name;
}

export function signalName(name: string): string {
  const words = name.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const INTAKE: Record<string, string> = {
  age_years: "Age",
  sex: "Sex",
  known_pd: "Known Parkinson’s disease",
  pd_medication: "Medication for PD",
  hours_since_dose: "Hours since the last dose",
  deep_brain_stimulation: "Deep brain stimulation",
  facial_palsy: "Facial palsy",
  stroke: "Stroke",
  botulinum: "Botulinum in the face, 6 months",
  depression: "Depression, treated",
  glasses: "Glasses",
  beard: "Beard",
};

/** Each question with its answer; an open one has "". */
export function intakeRows(
  intake: Record<string, string | number | boolean | null>,
): [string, string][] {
  return Object.entries(INTAKE).map(([key, label]) => {
    const value = intake[key];
    if (value === null || value === undefined || value === "") return [label, ""];
    return [label, typeof value === "boolean" ? (value ? "yes" : "no") : String(value)];
  });
}
