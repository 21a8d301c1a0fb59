// A patient's screening: how far each recording is, live; then the released result, in plain words.
import { call, pageData, sentenceOf } from "../shared/api";
import { byId, face, h } from "../shared/dom";
import { endingWords, loginAgain } from "../shared/ended";
import { type Ending, Live, refresher } from "../shared/live";
import { type Course, picture, sessionColumns, trend } from "../shared/course";
import { about, said, type Statement } from "../shared/statement";
import type { Clip, PatientResult, Screening, Step } from "../shared/types";
import { type KeptActions, keptButtons } from "../record/kept";
import { Outbox } from "../record/outbox";
import { Sender } from "../record/sender";
import type { Status } from "../record/sending";
import { lineOf, withdrawnWords } from "./words";

interface PageData {
  screening: string;
  user: string;
  after: number;
  contact: string;
  site: string;
}

const root = byId("screening");
const data = pageData<PageData>();
let screening: Screening | null = null;
let course: Course | null = null;
let sender: Sender | null = null;
let connected = true;
let ended: Ending | null = null;
const KEPT: KeptActions = {
  resend: (take) => sender?.retry(take),
  discard: (take) => void sender?.drop(take),
};

function clipRow(step: Step): HTMLElement {
  const status = sender?.statusOf(step.id) ?? null;
  const line = lineOf(step.clip, status);
  return h(
    "li",
    { class: line.badge === "warn" ? "clip-row needs" : "clip-row", "data-state": step.clip.state },
    face(root, step.expression),
    h("h3", {}, step.title, " ", h("span", { class: `badge ${line.badge}` }, line.label)),
    status?.phase === "sending" && status.total
      ? h("p", {}, h("progress", { max: status.total, value: status.sent, "aria-label": "Sent" }))
      : h("p", {}, line.words),
    status?.phase === "refused" && keptButtons(status.take, step.title, KEPT),
  );
}

/** Where the whole screening is: heading, sentence, and what can be done now. */
function stand(now: Screening): HTMLElement {
  const done = now.steps.filter((step) =>
    ["measured", "unusable", "failed", "skipped"].includes(step.clip.state),
  ).length;
  const record = h(
    "p",
    { class: "actions" },
    h("a", { class: "button", href: `/screenings/${now.id}/record/` }, "Go on recording"),
  );
  switch (now.state) {
    case "draft":
      return h(
        "section",
        {},
        h("h1", {}, "This screening is not finished"),
        h("p", { class: "lead" }, "What you have recorded is kept. You can go on where you stopped."),
        record,
      );
    case "needs_rerecord":
      return h(
        "section",
        {},
        h("h1", {}, "Your clinic asks for some recordings again"),
        now.rerecord_note ? h("p", { class: "note" }, now.rerecord_note) : null,
        h("p", { class: "lead" }, "The parts below marked “not recorded yet” are needed once more."),
        record,
      );
    case "submitted":
      return h(
        "section",
        {},
        h("h1", {}, "Thank you. We have your recordings"),
        h(
          "p",
          { class: "lead" },
          now.is_delayed
            ? "The result is late; this is not your doing. Your recordings are kept, we go on trying, and your clinic sees that it is late."
            : `They are being measured now: ${done} of ${now.steps.length} are done. You may close this page; nothing is lost.`,
        ),
        h("progress", { max: now.steps.length, value: done, "aria-label": "Recordings measured" }),
      );
    case "scored":
      return h(
        "section",
        {},
        h("h1", {}, "Your recordings are measured"),
        h(
          "p",
          { class: "lead" },
          `A clinician of ${data.site} now looks at the result and releases it. It will appear here by itself.`,
        ),
      );
    case "withdrawn":
      return h(
        "section",
        {},
        h("h1", {}, "You took this screening back"),
        h("p", { class: "lead" }, withdrawnWords(now)),
      );
    case "released":
      return now.result
        ? resultView(now, now.result)
        : h("section", {}, h("h1", {}, "Your result is being loaded …"));
  }
}

function resultView(now: Screening, result: PatientResult): HTMLElement {
  const { statement } = result;
  const [first, ...more] = about(statement, "movement");
  const index = statement.index;
  const next = [...about(statement, "next"), ...about(statement, "surer")];
  return h(
    "section",
    { id: "result" },
    h("h1", {}, index ? "Your result" : "No clear result this time"),
    first && said(first, index ? "lead" : "note warn"),
    index && scale(index),
    ...more.map((one) => said(one)),
    ...about(statement, "certainty", "pd").map((one) => said(one)),
    next.length > 0 && h("h2", {}, "What to do now"),
    ...next.map((one) => said(one)),
    ...(course ? together(course) : []),
    result.seen.length > 0 && h("h2", {}, "What was seen this time"),
    result.seen.length > 0 &&
      h(
        "ul",
        { class: "seen" },
        ...result.seen.map((one) =>
          h(
            "li",
            {},
            face(root, one.expression),
            h("span", {}, h("strong", {}, one.title), h("br"), one.words),
          ),
        ),
      ),
    h(
      "div",
      { class: "note" },
      ...about(statement, "limits").map((one) => said(one)),
      h("p", {}, data.contact ? `Questions? ${data.contact}` : `Questions? Please ask ${data.site}.`),
    ),
    now.is_phantom && h("p", { class: "badge" }, "A drawn face, not a person"),
    result.bundle &&
      h("p", { class: "soft" }, `Measured with ${result.bundle.name} ${result.bundle.version}.`),
  );
}

/** Where this session stands among the others of its course, and this course among the others. */
function together(found: Course): HTMLElement[] {
  const counting = found.sessions.filter((one) => one.counts).length;
  if (found.sessions.length < 2 && found.sentences.length === 0) return [];
  return [
    h("h2", {}, "Your sessions"),
    ...(found.sessions.length > 1
      ? [
          h(
            "figure",
            {},
            picture(sessionColumns(found), `${found.sessions.length} sessions and what they say together`),
            h(
              "figcaption",
              { class: "soft" },
              `Each dot is one session; ${counting} of ${found.sessions.length} count. The bar is the range of your own number over all of them.`,
            ),
          ),
        ]
      : []),
    ...trend(found),
  ];
}

/** The number with its range: where another reading would lie. */
function scale(index: NonNullable<Statement["index"]>): HTMLElement {
  const mark = h("span", { class: "mark" });
  const value = h("span", { class: "value" }, `${index.value} of 100`);
  mark.style.left = `${index.value}%`;
  value.style.left = `${Math.min(86, Math.max(14, index.value))}%`;
  const { low, high } = index;
  const range = low === null || high === null ? null : h("span", { class: "range" });
  if (range && low !== null && high !== null) {
    range.style.left = `${low}%`;
    range.style.width = `${high - low}%`;
  }
  const between = range ? `, the range is ${low} to ${high}` : "";
  return h(
    "div",
    { role: "img", "aria-label": `${index.value} on a scale from 0, lively, to 100, still${between}` },
    h("div", { class: "result-scale" }, range, mark, value),
    h("p", { class: "scale-ends" }, h("span", {}, "0 · moves a lot"), h("span", {}, "100 · moves little")),
  );
}

function connectionNote(): HTMLElement | null {
  if (ended) {
    const again = loginAgain(ended, "button");
    const actions = again && h("p", { class: "actions" }, again);
    return h("div", { class: "note warn", role: "status" }, h("p", {}, endingWords(ended)), actions);
  }
  return connected
    ? null
    : h("p", { class: "note warn", role: "status" }, "No connection at the moment. This page goes on by itself when it is back.");
}

function draw(): void {
  if (!screening) return;
  const clips = h(
    "details",
    { open: screening.state !== "released" },
    h("summary", {}, "Your recordings"),
    h("ul", { class: "clip-list" }, ...screening.steps.map(clipRow)),
  );
  const was = root.querySelector("details");
  if (was && root.dataset.state === screening.state) clips.open = was.open;
  root.dataset.state = screening.state;
  const body = [stand(screening), clips];
  const note = connectionNote();
  root.replaceChildren(...(note ? [note, ...body] : body));
}

async function load(): Promise<void> {
  const path = `screenings/${data.screening}/`;
  screening = await call<Screening>("GET", path);
  course = screening.state === "released" ? await call<Course>("GET", `${path}course/`) : null;
  draw();
}

/** What the camera page left on this device is sent from here too. */
async function sendRest(): Promise<void> {
  // Storage that was silent and is back may hold recordings to go on with.
  const outbox = await Outbox.open("mimia-outbox", () => void sender?.resume(data.user).then(draw));
  sender = new Sender(outbox, onSent);
  await sender.resume(data.user);
  draw();
}

function onSent(status: Status, clip: Clip | null): void {
  const step = screening?.steps.find((one) => one.id === status.step);
  if (step && clip) step.clip = clip;
  if (status.phase === "dropped") refresh();
  draw();
}

const refresh = refresher(load);
load().catch((error: unknown) => {
  root.append(h("p", { class: "note bad", role: "alert" }, sentenceOf(error)));
});
void sendRest();
window.addEventListener("beforeunload", (event) => {
  if (sender?.underway().some((status) => !status.safe)) event.preventDefault();
});
new Live({
  path: "/ws/patient/",
  after: data.after,
  onEvent: refresh,
  onStale: refresh,
  onConnection: (now) => {
    connected = now;
    draw();
  },
  onEnd: (why) => {
    ended = why;
    draw();
  },
});
