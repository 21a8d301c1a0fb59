// The case page: what was recorded, measured and concluded, and what the clinician says to it.
import { ApiError, call, pageData, sentenceOf } from "../shared/api";
import { byId, button, face, h } from "../shared/dom";
import { endingWords, loginAgain } from "../shared/ended";
import { Live, refresher } from "../shared/live";
import type { Course } from "../shared/course";
import type { Screening, Step } from "../shared/types";
import * as findings from "./findings";
import { courseCard } from "./course";
import { player } from "./player";
import { rerecordForm, reviewForm, reviewList } from "./review";
import type { CaseData, Envelope, MeasurementEnvelope, ReviewRow } from "./types";
import { day } from "./words";

const root = byId("case");
const data = pageData<CaseData>();

class CasePage {
  private screening: Screening | null = null;
  private found: Envelope | null = null;
  private reviews: ReviewRow[] = [];
  private course: Course | null = null;
  private chosen = "";
  private readonly measured = new Map<string, MeasurementEnvelope>();
  private shown = "";
  /** Why the result that is kept cannot be shown, in the server's words. */
  private unreadable = "";
  private readonly head = h("div", {});
  private readonly clips = h("section", { class: "card" });
  private readonly result = h("div", {});
  private readonly side = h("div", {});
  private readonly below = h("div", { class: "pair" });

  async load(): Promise<void> {
    const path = `screenings/${data.screening}/`;
    const screening = await call<Screening>("GET", path);
    // What was taken back is not asked for, and leaves an open page too.
    const isOpen = screening.state !== "withdrawn";
    const [found, course, reviews] = await Promise.all([
      isOpen ? this.assessment(path) : null,
      isOpen ? call<Course>("GET", `${path}course/`) : null,
      isOpen ? call<ReviewRow[]>("GET", `${path}reviews/`) : [],
    ]);
    this.screening = screening;
    this.found = found;
    this.reviews = reviews;
    this.course = course;
    if (!this.head.isConnected) {
      root.replaceChildren(
        this.head,
        this.result,
        h("div", { class: "case-grid" }, h("div", {}, this.clips, this.below), this.side),
      );
    }
    this.drawHead(screening);
    this.drawResult(screening);
    this.drawSide(screening);
    await this.drawClips(screening);
  }

  isOfCourse(id: unknown): boolean {
    return this.screening !== null && this.screening.course === id;
  }

  /** The newest result; null where there is none, or none that this version reads. */
  private async assessment(path: string): Promise<Envelope | null> {
    this.unreadable = "";
    try {
      return await orNothing(call<Envelope>("GET", `${path}assessment/`));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.unreadable = error.message;
      return null;
    }
  }

  private drawHead(screening: Screening): void {
    const policy = data.releasePolicy === "after_review" && this.reviews.length === 0;
    const release =
      screening.state === "scored"
        ? button("Release to the patient", () => void this.act("release/"), "", { disabled: policy })
        : null;
    this.head.replaceChildren(
      h(
        "div",
        { class: "case-head" },
        h("h1", {}, screening.patient.name ?? screening.patient.pseudonym),
        h("span", { class: "soft" }, screening.patient.pseudonym),
        h("span", { class: "badge deep" }, screening.state_words),
        screening.is_phantom && h("span", { class: "badge warn" }, "drawn face, not a person"),
        h(
          "span",
          { class: "actions no-print" },
          release && policy ? h("span", { class: "soft" }, "Sign off a review first.") : null,
          release,
          button("Print", () => window.print(), "quiet"),
        ),
      ),
      h(
        "p",
        { class: "soft" },
        `Recorded ${day(screening.created_at)}`,
        screening.submitted_at ? `, submitted ${day(screening.submitted_at)}` : "",
        screening.released_at ? `, released ${day(screening.released_at)}` : "",
      ),
      h("p", { id: "problem", role: "alert" }),
    );
  }

  private drawResult(screening: Screening): void {
    const { found } = this;
    const card = this.course && courseCard(this.course);
    if (!found) {
      const words: Partial<Record<Screening["state"], string>> = {
        draft: "The patient is still recording.",
        needs_rerecord: "The patient was asked for new recordings.",
        submitted: screening.is_delayed
          ? "Measured, but the result could not be computed yet. It is tried again for half a day; after that an administrator can start it again."
          : "Being measured. The result appears here by itself.",
        withdrawn: "The patient took this screening back. Its recordings and results can no longer be seen.",
      };
      const said = this.unreadable || (words[screening.state] ?? "There is no result.");
      this.result.replaceChildren(...parts(h("p", { class: "note", role: "status" }, said), card));
      return;
    }
    this.result.replaceChildren(
      ...parts(
        findings.statementCard(found.statement),
        card,
        findings.figures(found, data.words.grades),
      ),
    );
  }

  private drawSide(screening: Screening): void {
    const parts = screening.state === "withdrawn" ? [] : [
      reviewList(this.reviews, data.words.grades),
      this.found ? reviewForm((grade, note) => this.sign(grade, note), this.side) : null,
      findings.intakeCard(screening, data.words.intake),
      ["submitted", "scored"].includes(screening.state)
        ? rerecordForm(root, screening, (steps, note) =>
            this.act("request-rerecord/", { steps, note }),
          )
        : null,
    ];
    this.side.replaceChildren(...parts.filter((part) => part !== null));
    const weighed = this.found ? findings.attention(this.found.result) : null;
    const source = findings.provenance(screening, this.found, data);
    const second = this.found ? findings.secondOpinions(this.found) : null;
    this.below.replaceChildren(...[weighed, source, second].filter((part) => part !== null));
  }

  // --- clips --------------------------------------------------------------------------------

  private async drawClips(screening: Screening): Promise<void> {
    const steps = screening.steps;
    this.clips.hidden = steps.length === 0;
    if (this.clips.hidden) {
      this.clips.replaceChildren();
      this.measured.clear();
      this.shown = "";
    }
    const current =
      steps.find((step) => step.expression === this.chosen) ??
      steps.find((step) => step.clip.state === "measured" && step.expression !== "rest") ??
      steps[0];
    if (!current) return;
    this.chosen = current.expression;
    const measured = await this.measurement(current);
    // A push must not restart a video that somebody is watching.
    const key = `${current.clip.id} ${current.clip.state} ${measured?.curve ? "curve" : ""}`;
    const tabs = this.tabs(steps);
    const old = this.clips.querySelector(".clip-tabs");
    if (key === this.shown && old) {
      old.replaceWith(tabs);
      return;
    }
    this.shown = key;
    const report = this.found?.result.clips.find((one) => one.expression === current.expression) ?? null;
    const quality = measured?.measurement.quality ?? report?.quality;
    this.clips.replaceChildren(
      h("h2", {}, "Recordings"),
      tabs,
      h(
        "div",
        { role: "tabpanel", "aria-label": current.title },
        clipNote(current, report?.detail ?? measured?.measurement.detail ?? ""),
        report ? findings.doneNotes(report, data.words) : null,
        player(current, measured, report, data.words.signals),
        report && report.signs.length > 0 ? findings.signTable(report, data.words.signs) : null,
        quality ? h("details", {}, h("summary", {}, "Quality of the recording"), findings.qualityFacts(quality)) : null,
      ),
    );
  }

  private tabs(steps: Step[]): HTMLElement {
    const pick = (step: Step): void => {
      this.chosen = step.expression;
      if (this.screening) {
        void this.drawClips(this.screening).then(() =>
          this.clips.querySelector<HTMLElement>('[aria-selected="true"]')?.focus(),
        );
      }
    };
    const onkeydown = (event: Event): void => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[(event as KeyboardEvent).key];
      const at = steps.findIndex((step) => step.expression === this.chosen);
      const next = move ? steps[(at + move + steps.length) % steps.length] : undefined;
      if (next) pick(next);
    };
    return h(
      "div",
      { class: "clip-tabs", role: "tablist", "aria-label": "Recordings", onkeydown },
      ...steps.map((step) => {
        const here = step.expression === this.chosen;
        const props = { role: "tab", type: "button", "aria-selected": String(here), tabindex: here ? 0 : -1 };
        const bad = ["unusable", "failed", "skipped"].includes(step.clip.state);
        return h(
          "button",
          { ...props, onclick: () => pick(step) },
          face(root, step.expression),
          step.title,
          bad && h("span", { class: "badge warn" }, step.clip.state === "skipped" ? "left out" : "unusable"),
        );
      }),
    );
  }

  private async measurement(step: Step): Promise<MeasurementEnvelope | null> {
    if (!["measured", "unusable"].includes(step.clip.state)) return null;
    const kept = this.measured.get(step.clip.id);
    // Before the assessment there is no curve yet: ask again once there is one.
    if (kept && (kept.curve || !this.found)) return kept;
    try {
      const fresh = await orNothing(call<MeasurementEnvelope>("GET", `clips/${step.clip.id}/measurement/`));
      if (fresh) this.measured.set(step.clip.id, fresh);
      return fresh;
    } catch (error) {
      // The recording can be looked at without its curves.
      if (isUnreadable(error)) return null;
      throw error;
    }
  }

  // --- what the clinician does --------------------------------------------------------------

  private sign(grade: number | null, note: string): Promise<boolean> {
    return this.act("reviews/", { grade, note });
  }

  /** True once the server has done it: until then what was written stays in its form. */
  private async act(what: string, body: unknown = {}): Promise<boolean> {
    try {
      await call("POST", `screenings/${data.screening}/${what}`, body);
    } catch (error) {
      showProblem(sentenceOf(error));
      byId("problem").scrollIntoView({ block: "center" });
      return false;
    }
    refresh();
    return true;
  }
}

function parts(...all: (HTMLElement | null)[]): HTMLElement[] {
  return all.filter((one) => one !== null);
}

function showProblem(words: string): void {
  const problem = byId("problem");
  problem.className = "note bad";
  problem.textContent = words;
}

function clipNote(step: Step, detail: string): HTMLElement | null {
  const { clip } = step;
  if (clip.state === "skipped") return h("p", { class: "note warn" }, `Left out by the patient: ${clip.skip_reason ?? ""}`);
  if (clip.state !== "unusable" && clip.state !== "failed") return null;
  return h("p", { class: "note warn" }, h("strong", {}, clip.words?.title ?? clip.state), ". ", detail);
}

function isUnreadable(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === "result_unreadable";
}

async function orNothing<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

const page = new CasePage();
const refresh = refresher(() => page.load());
page.load().catch((error: unknown) => {
  root.replaceChildren(h("p", { class: "note bad", role: "alert" }, sentenceOf(error)));
});
new Live({
  path: `/ws/site/${data.site}/`,
  after: data.after,
  onEvent: (event) => {
    // Another session of the same course changes what is said of the person.
    if (event.data.screening === data.screening || page.isOfCourse(event.data.course)) refresh();
  },
  onStale: refresh,
  onEnd: (why) => {
    showProblem(endingWords(why));
    byId("problem").append(" ", loginAgain(why) ?? "");
  },
});
