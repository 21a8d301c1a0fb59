// The site's screenings, newest first; a push changes the list without a reload.
import { call, pageData, sentenceOf } from "../shared/api";
import { byId, button, h } from "../shared/dom";
import { endingWords, loginAgain } from "../shared/ended";
import { type Ending, Live, refresher } from "../shared/live";
import type { ClipState, Shapes } from "../shared/types";
import { ago, day } from "./words";

export type Row = Shapes["WorklistLine"];

type Group = "all" | "review" | "measuring" | "recording" | "done";

const GROUPS: { key: Group; label: string; has: (row: Row) => boolean }[] = [
  { key: "all", label: "All", has: () => true },
  { key: "review", label: "To review", has: needsReview },
  { key: "measuring", label: "Being measured", has: (row) => row.state === "submitted" },
  {
    key: "recording",
    label: "With the patient",
    has: (row) => row.state === "draft" || row.state === "needs_rerecord",
  },
  {
    key: "done",
    label: "Finished",
    has: (row) => row.state === "withdrawn" || (row.state === "released" && row.reviews > 0),
  },
];

const root = byId("worklist");
const live = byId("live");
const data = pageData<{ site: string; after: number }>();
let rows: Row[] = [];
let more: string | null = null;
let group: Group = "all";
let search = "";
let fresh = new Set<string>();

/** Scored, or released at once by the site's policy, and nobody has signed it off. */
export function needsReview(row: Row): boolean {
  return (row.state === "scored" || row.state === "released") && row.reviews === 0;
}

export function matches(row: Row, words: string): boolean {
  const text = `${row.patient.pseudonym} ${row.patient.name ?? ""}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function progress(row: Row): string {
  const count = (...states: ClipState[]): number =>
    states.reduce((sum, state) => sum + (row.clips[state] ?? 0), 0);
  const all = Object.values(row.clips).reduce((sum, n) => sum + n, 0);
  if (row.state === "draft" || row.state === "needs_rerecord") {
    return `${all - count("expected", "uploading")} of ${all} recorded`;
  }
  const bad = count("unusable", "failed");
  const skipped = count("skipped");
  const parts = [
    row.state === "submitted"
      ? `${count("measured", "unusable", "failed", "skipped")} of ${all} measured`
      : `${count("measured")} of ${all} measured`,
    bad ? `${bad} not usable` : "",
    skipped ? `${skipped} left out` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

function stateBadge(row: Row): HTMLElement {
  if (needsReview(row)) {
    const words = row.state === "released" ? "released, to review" : "to review";
    return h("span", { class: "badge warn" }, words);
  }
  const kind = { released: "good", submitted: "deep" }[row.state as string] ?? "";
  return h("span", { class: `badge ${kind}` }, row.state_words);
}

function line(row: Row): HTMLElement {
  const index =
    row.abstained !== null
      ? h("span", { class: "badge warn" }, "unable to score")
      : row.hypomimia_index === null
        ? "–"
        : String(Math.round(row.hypomimia_index));
  const when = row.submitted_at ?? row.created_at;
  return h(
    "tr",
    { role: "row", "data-id": row.id, "data-state": row.state, class: fresh.has(row.id) ? "fresh" : "" },
    h(
      "td",
      { role: "cell" },
      h("a", { href: `/clinic/screenings/${row.id}/` }, row.patient.name ?? row.patient.pseudonym),
      " ",
      row.patient.name && h("span", { class: "soft" }, row.patient.pseudonym),
      " ",
      row.is_phantom && h("span", { class: "badge" }, "drawn face"),
    ),
    h("td", { role: "cell" }, stateBadge(row)),
    h("td", { role: "cell" }, progress(row)),
    h("td", { role: "cell", class: "number", "data-label": "Index" }, index),
    h("td", { role: "cell" }, h("time", { datetime: when, title: day(when) }, ago(when))),
  );
}

function draw(): void {
  const found = rows.filter((row) => matches(row, search));
  const shown = found.filter((row) => GROUPS.find((one) => one.key === group)?.has(row));
  const tabs = root.querySelector(".tabs");
  const body = root.querySelector("tbody");
  const note = root.querySelector<HTMLElement>("[data-empty]");
  if (!tabs || !body || !note) return;
  tabs.replaceChildren(
    ...GROUPS.map(({ key, label, has }) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(key === group), onclick: () => pick(key) },
        `${label} (${found.filter(has).length})`,
      ),
    ),
  );
  body.replaceChildren(...shown.map(line));
  note.hidden = shown.length > 0;
  note.textContent = rows.length
    ? "Nothing here matches."
    : "There is no screening yet. Invite a patient, and it will appear here by itself.";
  const rest = root.querySelector<HTMLElement>("[data-more]");
  if (rest) rest.hidden = more === null;
}

function pick(key: Group): void {
  group = key;
  draw();
  root.querySelector<HTMLElement>('.tabs [aria-pressed="true"]')?.focus();
}

function build(): void {
  const field = h("input", {
    id: "search",
    type: "search",
    autocomplete: "off",
    oninput: () => {
      search = field.value.trim();
      draw();
    },
  });
  root.replaceChildren(
    h(
      "div",
      { class: "filters" },
      h("div", { class: "field" }, h("label", { for: "search" }, "Search name or code"), field),
      h("div", { class: "tabs", role: "group", "aria-label": "Show" }),
    ),
    h(
      "div",
      { class: "card table-wrap" },
      h(
        "table",
        { class: "worklist", role: "table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...["Patient", "State", "Recordings", "Index", "When"].map((name) =>
              h("th", { scope: "col", class: name === "Index" ? "number" : "" }, name),
            ),
          ),
        ),
        h("tbody", { role: "rowgroup" }),
      ),
      h("p", { class: "soft", "data-empty": true, hidden: true }),
    ),
    h(
      "p",
      { class: "actions", "data-more": true, hidden: true },
      button("Show older ones", () => void loadMore().catch(complain), "quiet"),
    ),
  );
}

async function load(): Promise<void> {
  const page = await call<Shapes["WorklistLinePage"]>("GET", `sites/${data.site}/worklist/`);
  const before = new Map(rows.map((row) => [row.id, row.state]));
  const changed = page.results.filter((row) => before.size && before.get(row.id) !== row.state);
  fresh = new Set(changed.map((row) => row.id));
  const ids = new Set(page.results.map((row) => row.id));
  if (before.size === 0) more = page.next;
  rows = [...page.results, ...rows.filter((row) => !ids.has(row.id))];
  draw();
}

async function loadMore(): Promise<void> {
  if (!more) return;
  const address = new URL(more, location.href);
  const page = await call<Shapes["WorklistLinePage"]>("GET", address.pathname + address.search);
  more = page.next;
  rows = [...rows, ...page.results];
  draw();
}

/** Not known before the socket has said so. */
let isConnected: boolean | null = null;
let ended: Ending | null = null;

/** "Live" is said only while the rows really follow. */
const tell = (problem = ""): void => {
  if (ended) live.replaceChildren(endingWords(ended), " ", loginAgain(ended) ?? "");
  else if (problem) live.textContent = problem;
  else if (isConnected !== null) live.textContent = isConnected ? "Live" : "No connection; trying again …";
};
const complain = (error: unknown): void => tell(sentenceOf(error));

build();
const refresh = refresher(() => load().then(() => tell(), complain));
refresh();
new Live({
  path: `/ws/site/${data.site}/`,
  after: data.after,
  onEvent: refresh,
  onStale: refresh,
  onConnection: (connected) => {
    isConnected = connected;
    tell();
  },
  onEnd: (why) => {
    ended = why;
    tell();
  },
});
