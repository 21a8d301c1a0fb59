// The result of a case as figures, bars and tables.
import { h, s } from "../shared/dom";
import { about, said, type Statement } from "../shared/statement";
import type { Screening } from "../shared/types";
import type { CaseData, ClipReport, Envelope, Quality, Result, Sign } from "./types";
import { day, figure, intakeRows, percentWords, signValue, type Words } from "./words";

function box(name: string, value: string, ...notes: (string | null | false)[]): HTMLElement {
  return h(
    "div",
    { class: "figure" },
    h("p", { class: "name" }, name),
    h("p", { class: "value" }, value),
    h("p", {}, notes.filter(Boolean).join(" ")),
  );
}

/** What the result says, the finding and what to do first: there may be three minutes for it. */
export function statementCard(statement: Statement): HTMLElement {
  const [first, ...more] = about(statement, "movement");
  const rows: [string, ReturnType<typeof about>][] = [
    ["What to do next", about(statement, "next")],
    ["How sure", [...more, ...about(statement, "certainty", "surer")]],
    ["Grade", about(statement, "grade")],
    ["PD", about(statement, "pd")],
  ];
  return h(
    "section",
    { class: "card statement", "aria-label": "What the result says" },
    first && said(first, "finding"),
    h(
      "dl",
      {},
      ...rows
        .filter(([, sentences]) => sentences.length > 0)
        .flatMap(([name, sentences]) => [
          h("dt", {}, name),
          h("dd", {}, ...sentences.map((one) => said(one))),
        ]),
    ),
    ...about(statement, "limits").map((one) => said(one, "soft")),
  );
}

/** What shadows say that learnt from drawn people: closed, for they decide nothing. */
export function secondOpinions(found: Envelope): HTMLElement | null {
  if (found.second_opinions.length === 0) return null;
  return h(
    "section",
    { class: "card" },
    ...found.second_opinions.map((one) =>
      h(
        "details",
        {},
        h("summary", {}, `Second opinion, experimental: ${one.bundle.name} ${one.bundle.version}`),
        h("p", { class: "note warn" }, "Learnt from drawn faces alone. No patient taught it."),
        h("p", {}, secondOpinion(one)),
        one.auroc && h("p", {}, howGood(one.auroc)),
        h("p", { class: "soft" }, "It decides nothing, and the patient never sees it."),
      ),
    ),
  );
}

function howGood({ value, low, high }: { value: number; low: number; high: number }): string {
  const [middle, from, to] = [value, low, high].map((number) => number.toFixed(2));
  return `On drawn people that it had not seen: AUROC ${middle} [${from}, ${to}]; 0.50 is chance.`;
}

function secondOpinion(one: Envelope["second_opinions"][number]): string {
  if (one.p_pd === null || one.abstained_words !== null) {
    return `It gives no answer for this session. ${one.abstained_words ?? ""}`;
  }
  const drawn = `Of drawn people who moved like this, ${percentWords(one.p_pd)} were drawn with Parkinson’s disease`;
  return one.p_pd_lstm === null
    ? `${drawn}. It had no curves to read.`
    : `${drawn}; by the course of the movement alone (LSTM), ${percentWords(one.p_pd_lstm)}.`;
}

/** The numbers behind the statement. */
export function figures(found: Envelope, grades: string[]): HTMLElement {
  const { result, statement } = found;
  const index = statement.index;
  const reading = result.hypomimia_index === null ? "–" : String(Math.round(result.hypomimia_index));
  return h(
    "div",
    { class: "figures" },
    box(
      "Hypomimia index",
      index ? String(index.value) : reading,
      index && index.low !== null && `From ${index.low} to ${index.high}.`,
      index && `This session alone: ${reading}.`,
      "0 lively … 100 masked.",
      result.hypomimia_reference && `Against ${result.hypomimia_reference}.`,
    ),
    severityBox(result, grades),
    result.abstained !== null &&
      h("p", { class: "note warn" }, "These figures are given for inspection alone: they are no result to rely on."),
  );
}

function severityBox(result: Result, names: string[]): HTMLElement | null {
  if (!result.severity) return null;
  const grades = Object.entries(result.severity).map(([grade, p]): [string, number, string] => [
    `${grade} ${names[Number(grade)] ?? ""}`,
    p,
    percentWords(p),
  ]);
  return h(
    "div",
    { class: "figure" },
    h("p", { class: "name" }, "MDS-UPDRS 3.2, this session alone"),
    h("p", { class: "value" }, figure(result.severity_expected, 1)),
    bars(grades),
    result.severity_experimental && h("p", {}, "Experimental"),
  );
}

/** Horizontal bars of shares (0 … 1). */
function bars(entries: [string, number, string][]): HTMLElement {
  const top = Math.max(...entries.map(([, share]) => Math.abs(share)), 0.001);
  return h(
    "dl",
    { class: "bars" },
    ...entries.flatMap(([name, share, words]) => [
      h("dt", {}, name),
      h(
        "dd",
        {},
        s(
          "svg",
          { class: "bar-track", viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" },
          s("rect", {
            class: share < 0 ? "bar-fill minus" : "bar-fill",
            width: (100 * Math.abs(share)) / top,
            height: 14,
          }),
        ),
      ),
      h("dd", {}, words),
    ]),
  );
}

/** What the model weighs: expressions, and the course of all their curves together. */
function tokenName(name: string): string {
  return name === "curves" ? "curves (LSTM)" : name;
}

/** Where the probability of PD is shown: how much each token weighed in it, and what it is without. */
export function attention(result: Result): HTMLElement | null {
  const weights = Object.entries(result.attention ?? {});
  if (weights.length === 0) return null;
  const { p_pd } = result;
  const without = Object.entries(result.leave_one_out ?? {});
  const index = h("h3", {}, "Index with one left out");
  const indices = facts(
    without.map(([name, left]) => [tokenName(name), figure(left.hypomimia_index, 0)]),
  );
  if (p_pd === null) {
    return without.length ? h("section", { class: "card" }, h("h2", {}, "What weighed how much"), index, indices) : null;
  }
  const changes = without.map(([name, left]): [string, number, string] => {
    const change = left.p_pd === null ? 0 : 100 * (left.p_pd - p_pd);
    const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
    return [tokenName(name), change, `${sign}${Math.abs(change).toFixed(1)} points`];
  });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "What weighed how much"),
    without.length > 0 && index,
    without.length > 0 && indices,
    h("h3", {}, "Attention, in the probability of PD"),
    bars(weights.map(([name, share]) => [tokenName(name), share, percentWords(share)])),
    changes.length > 0 && h("h3", {}, "Probability of PD with one left out"),
    changes.length > 0 && bars(changes),
    h("p", { class: "soft" }, "Attention alone is not an explanation: read both together."),
  );
}

/** What was done instead of what was asked, and what the clip therefore counts for. */
export function doneNotes(report: ClipReport, words: Words): HTMLElement | null {
  const said = (report.notes ?? []).map((code) => words.notes[code]).filter(Boolean);
  if (said.length === 0) return null;
  const shown = report.shown ? ` It looks most like ${words.titles[report.shown] ?? report.shown}.` : "";
  const weight = report.weight ?? 1;
  const counts = weight < 1 ? ` This recording counts for ${percentWords(weight)} in the person’s result.` : "";
  return h("p", { class: "note warn", "data-notes": (report.notes ?? []).join(" ") }, said.join(" ") + shown + counts);
}

export function signTable(report: ClipReport, named: Words["signs"]): HTMLElement {
  const isStatistic = (sign: Sign): boolean => /_(mean|var)$/.test(sign.name);
  const table = (caption: string, signs: Sign[]): HTMLElement | null =>
    signs.length === 0
      ? null
      : h(
          "table",
          {},
          h("caption", {}, caption),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              h("th", { scope: "col" }, "Sign"),
              h("th", { scope: "col", class: "number" }, "Value"),
              h("th", { scope: "col" }, "Unit"),
              h("th", { scope: "col" }, "In a masked face"),
              hasNorm(signs) && h("th", { scope: "col" }, "Percentile among people without PD"),
            ),
          ),
          h("tbody", {}, ...signs.map((sign) => signRow(sign, named[sign.name], hasNorm(signs)))),
        );
  const norms = new Set(report.signs.map((sign) => sign.norm).filter(Boolean));
  return h(
    "div",
    { class: "table-wrap" },
    table("Measured signs", report.signs.filter((sign) => !isStatistic(sign))),
    h(
      "details",
      {},
      h("summary", {}, "Statistics of the signals, with norms"),
      table("Over the whole clip", report.signs.filter(isStatistic)),
    ),
    norms.size > 0
      ? h("p", { class: "soft" }, `Norms: ${[...norms].join("; ")}. No percentile where none was measured.`)
      : h("p", { class: "soft" }, "There is no norm for this expression, so no percentile is drawn."),
  );
}

function hasNorm(signs: Sign[]): boolean {
  return signs.some((sign) => sign.percentile !== null);
}

function signRow(
  sign: Sign,
  named: Words["signs"][string] | undefined,
  withNorm: boolean,
): HTMLElement {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, named?.title ?? sign.name),
    h("td", { class: "number" }, signValue(sign.value, sign.unit)),
    h("td", {}, sign.unit),
    h("td", {}, named?.masked ?? ""),
    withNorm && h("td", {}, sign.percentile === null ? "no norm" : percentile(sign.percentile)),
  );
}

function percentile(value: number): HTMLElement {
  return h(
    "span",
    { class: "percentile" },
    s(
      "svg",
      { viewBox: "0 0 90 12", "aria-hidden": "true" },
      s("line", { class: "grid chart", x1: 0, x2: 90, y1: 6, y2: 6, stroke: "currentColor", "stroke-opacity": 0.35 }),
      s("circle", { cx: 4 + 0.82 * value, cy: 6, r: 5, fill: "currentColor" }),
    ),
    String(Math.round(value)),
  );
}

/** Enough of a digest to compare by eye. */
function shortened(digest: string): string {
  return digest.slice(0, 16);
}

function facts(rows: [string, string][]): HTMLElement {
  return h("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function qualityFacts(quality: Quality): HTMLElement {
  const size = quality.width && quality.height ? `${quality.width} × ${quality.height}` : "–";
  const pose = [quality.yaw, quality.pitch, quality.roll].map((angle) => figure(angle, 0)).join(" / ");
  return facts([
    ["Face found", percentWords(quality.face_found_rate)],
    ["Faces at most", figure(quality.faces_max, 0)],
    ["Frames a second", figure(quality.frame_rate, 1)],
    ["Frames dropped", percentWords(quality.dropped_share)],
    ["Duration", `${figure(quality.duration_s, 1)} s, ${quality.frames ?? "–"} frames`],
    ["Brightness", figure(quality.brightness, 2)],
    ["Sharpness", figure(quality.sharpness, 2)],
    ["Yaw / pitch / roll", `${pose} °`],
    ["Face size", percentWords(quality.face_size)],
    ["Picture", size],
  ]);
}

export function intakeCard(screening: Screening, words: Words["intake"]): HTMLElement {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Intake"),
    ...intake(screening.intake, words),
  );
}

function intake(answers: Screening["intake"], words: Words["intake"]): HTMLElement[] {
  if (!answers) return [h("p", {}, "Not filled in.")];
  const rows = intakeRows(answers, words);
  const open = rows.filter(([, value]) => value === "").map(([name]) => name);
  return [
    facts(rows.filter(([, value]) => value !== "")),
    ...(open.length ? [h("p", { class: "soft" }, `Not answered: ${open.join(", ")}.`)] : []),
  ];
}

export function provenance(screening: Screening, found: Envelope | null, data: CaseData): HTMLElement {
  const rows: [string, string][] = [
    ["Protocol", `${screening.protocol.name}, version ${screening.protocol.version}`],
    ["Screening", screening.id],
  ];
  if (found) {
    const source = found.result.intensity_source;
    rows.push(
      ["Model bundle", `${found.bundle.name} ${found.bundle.version}`],
      ["Bundle digest", shortened(found.bundle.digest)],
      ["Measurements digest", shortened(found.measurements_digest)],
      ["Assessed", day(found.created_at)],
      ["Intensity from", source ? [source.name, source.version].filter(Boolean).join(" ") : "–"],
    );
  }
  const trained = data.bundle?.training;
  if (trained) {
    const { subjects, pd } = trained;
    rows.push(["Trained on", `${subjects ?? "–"} people${pd === undefined ? "" : `, ${pd} with PD`}`]);
  }
  for (const one of data.bundle?.sources ?? []) rows.push([one.used_for, `${one.name} (${one.licence})`]);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Where it comes from"),
    facts(rows),
    h("p", { class: "note" }, data.bundle?.intended_use ?? "Research use. Not a diagnosis."),
  );
}
