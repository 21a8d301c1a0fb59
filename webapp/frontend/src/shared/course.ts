// Several sessions of one person: each of them, and what they say together. Drawn and listed.
import { h, s } from "./dom";
import { said } from "./statement";
import type { Shapes } from "./types";

export type Course = Shapes["CourseOut"];
type Point = Course["courses"][number];
type Session = Course["sessions"][number];

/** One column of the picture. ``band``: where as many again would lie; ``unchanged``: where the
 * value lies when nothing has changed; ``faint``: it does not count. */
export interface Column {
  name: string;
  value: number | null;
  band?: [number, number] | null;
  unchanged?: [number, number] | null;
  faint?: boolean;
  strong?: boolean;
}

const BOX = { height: 210, left: 34, right: 12, top: 12, bottom: 30 };
/** Of one column: it fits its day; so few columns stay as large as a telephone shows them. */
const COLUMN = 78;
const LEAST = 300;
const LINES = [0, 25, 50, 75, 100];

export const y = (value: number): number =>
  BOX.top + ((100 - value) / 100) * (BOX.height - BOX.top - BOX.bottom);

export function widthOf(count: number): number {
  return Math.max(BOX.left + BOX.right + count * COLUMN, LEAST);
}

/** Where each of so many columns stands. */
export function places(count: number): number[] {
  const width = widthOf(count) - BOX.left - BOX.right;
  return Array.from({ length: count }, (_, n) => BOX.left + ((n + 0.5) * width) / count);
}

function bar(at: number, wide: number, range: [number, number], look: string): SVGElement {
  const [low, high] = range;
  const size = { x: at - wide / 2, width: wide, y: y(high), height: Math.max(y(low) - y(high), 2) };
  return s("rect", { class: look, rx: 4, ...size });
}

export function picture(columns: Column[], label: string): SVGElement {
  const at = places(columns.length);
  const width = widthOf(columns.length);
  const wide = COLUMN - 30;
  return s(
    "svg",
    {
      class: "course-picture",
      width,
      viewBox: `0 0 ${width} ${BOX.height}`,
      role: "img",
      "aria-label": label,
    },
    ...LINES.flatMap((value) => [
      s("line", { class: "grid", x1: BOX.left, x2: width - BOX.right, y1: y(value), y2: y(value) }),
      s("text", { x: BOX.left - 8, y: y(value) + 4, "text-anchor": "end" }, value),
    ]),
    ...columns.flatMap((column, n) => {
      const x = at[n] ?? 0;
      return [
        column.unchanged && bar(x, wide, column.unchanged, "unchanged"),
        column.band && bar(x, wide / 2, column.band, "band"),
        column.value !== null &&
          s("circle", {
            class: column.faint ? "dot faint" : "dot",
            cx: x,
            cy: y(column.value),
            r: column.strong ? 8 : 6,
          }),
        s("text", { x, y: BOX.height - 8, "text-anchor": "middle" }, column.name),
      ].filter((one) => one !== false && one !== null && one !== undefined);
    }),
  );
}

export function shortDay(iso: string): string {
  return new Date(iso).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

function band(low: number | null, high: number | null): [number, number] | null {
  return low === null || high === null ? null : [low, high];
}

const round = (value: number | null): string => (value === null ? "–" : String(Math.round(value)));

/** The sessions, then what they say together: one column for each medication that is read apart. */
export function sessionColumns(course: Course): Column[] {
  const groups = course.result?.groups ?? [];
  return [
    ...course.sessions.map((one) => ({
      name: shortDay(one.at),
      value: one.hypomimia_index,
      faint: !one.counts,
    })),
    ...groups.map((group) => {
      const number = group.person.hypomimia_index;
      const name = groups.length > 1 ? group.medication : "together";
      return { name, value: number.value, band: band(number.low, number.high), strong: true };
    }),
  ];
}

/** The courses by the model and under the medication of the newest group of this one. */
export function comparable(course: Course): Point[] {
  const here = course.courses.find((one) => one.is_this);
  return here
    ? course.courses.filter((one) => one.model === here.model && one.medication === here.medication)
    : [];
}

export function courseColumns(points: Point[]): Column[] {
  return points.map((one) => ({
    name: shortDay(one.opened_at),
    value: one.mean,
    band: band(one.low, one.high),
    unchanged: one.change ? [one.change.low, one.change.high] : null,
    strong: one.is_this,
  }));
}

function sessionRow(one: Session): HTMLElement {
  const hours = one.hours_since_dose;
  const dose = hours === null ? "" : `, ${hours} h after the dose`;
  return h(
    "tr",
    { class: one.is_this ? "here" : null },
    h("td", {}, shortDay(one.at), one.is_this && " (this one)"),
    h("td", {}, one.medication_words, dose),
    h("td", {}, round(one.hypomimia_index)),
    h("td", {}, one.counts ? "yes" : `no: ${one.why_not}`),
  );
}

export function sessionTable(course: Course): HTMLElement {
  const table = h(
    "table",
    { class: "sessions" },
    h(
      "thead",
      {},
      h("tr", {}, ...["Session", "Medication", "Index", "Counts"].map((name) => h("th", { scope: "col" }, name))),
    ),
    h("tbody", {}, ...course.sessions.map(sessionRow)),
  );
  return h("div", { class: "table-wrap" }, table);
}

/** The sentences about several sessions, and the courses beside each other where there are some. */
export function trend(course: Course): HTMLElement[] {
  const points = comparable(course);
  const words = course.sentences.map((one) => said(one));
  if (points.length < 2) return words;
  return [
    ...words,
    h(
      "figure",
      {},
      picture(courseColumns(points), "Courses of sessions, from the first to this one"),
      h(
        "figcaption",
        { class: "soft" },
        "Each course’s mean. Narrow bar: where as many sessions again would lie. Wide bar: where it lies in 95 of 100 people in whom nothing changed since the first.",
      ),
    ),
  ];
}
