// The camera page: ties the state machine to camera, recorder, outbox and picture.
import { ApiError, call, pageData, sentenceOf } from "../shared/api";
import { byId, h } from "../shared/dom";
import { Live, refresher } from "../shared/live";
import type { Clip, Screening, Step } from "../shared/types";
import { CameraError, cameras, closeCamera, keepAwake, openCamera, remember } from "./camera";
import { contentOf, stepOf } from "./content";
import { cueWord, momentAt } from "./cues";
import { Dots, progressOf } from "./dots";
import { Finder } from "./finder";
import { advance, begin, COUNTDOWN, type Session, type Signal } from "./machine";
import { Outbox } from "./outbox";
import * as panels from "./panels";
import { Sender, type Status } from "./sender";
import { Voice } from "./speech";
import { StageView } from "./stage";
import { Takes } from "./takes";

interface PageData {
  screening: string;
  user: string;
  after: number;
}

const COUNT_MS = 1000;

class RecordPage {
  private readonly root = byId("recorder");
  private readonly data = pageData<PageData>();
  private readonly stage = new StageView();
  private readonly voice = new Voice();
  private readonly finder = new Finder(this.stage.self, (hint) => this.stage.showHint(hint));
  private readonly panel = h("div", {});
  private readonly dots = new Dots();
  /** Cues for screen readers: one element that stays, so that each change is read out. */
  private readonly spoken = h("p", { class: "visually-hidden", role: "status" });
  private readonly sending = h("p", { class: "sending", role: "status", hidden: true });
  private readonly sender: Sender;
  private stream: MediaStream | null = null;
  private devices: { id: string; name: string }[] = [];
  private readonly takes: Takes;
  private submitting = false;
  private problem = "";

  private constructor(
    private screening: Screening,
    private session: Session,
    outbox: Outbox,
  ) {
    this.sender = new Sender(outbox, () => this.onSent());
    this.takes = new Takes(this.sender, this.data.user, this.data.screening);
  }

  static async open(): Promise<void> {
    const data = pageData<PageData>();
    const [screening, outbox] = await Promise.all([
      call<Screening>("GET", `screenings/${data.screening}/`),
      Outbox.open(),
    ]);
    const kept = await outbox.takes(data.user);
    const page = new RecordPage(screening, begin(progressOf(screening, kept)), outbox);
    await page.start();
  }

  private async start(): Promise<void> {
    this.root.replaceChildren(
      this.dots.list,
      this.dots.part,
      this.stage.element,
      this.panel,
      this.spoken,
      this.sending,
    );
    this.finder.load(this.root.dataset.worker ?? "", new URL(`${this.root.dataset.static}vision`, location.href).href);
    const died = await this.sender.resume(this.data.user);
    if (died.length) this.problem = "A recording was cut off when the page closed. Please record that part again.";
    const refresh = refresher(() => this.refresh());
    new Live({ path: "/ws/patient/", after: this.data.after, onEvent: refresh, onConnection: refresh });
    window.addEventListener("beforeunload", (event) => {
      if (this.sender.underway().length > 0 || this.takes.isRunning) event.preventDefault();
    });
    window.addEventListener("pagehide", () => closeCamera(this.stream));
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload();
    });
    this.render();
  }

  private async refresh(): Promise<void> {
    this.screening = await call<Screening>("GET", `screenings/${this.data.screening}/`);
    if (!["draft", "needs_rerecord"].includes(this.screening.state)) this.leave();
    else if (this.session.stage.at === "review") this.render(false);
  }

  private leave(): void {
    location.assign(`/screenings/${this.data.screening}/`);
  }

  private signal(signal: Signal): void {
    const before = this.session;
    this.session = advance(before, signal);
    if (this.session !== before) this.render();
  }

  // --- camera -------------------------------------------------------------------------------

  private async openCamera(deviceId?: string): Promise<void> {
    try {
      closeCamera(this.stream);
      this.stream = await openCamera(deviceId);
      this.stream.getVideoTracks()[0]?.addEventListener("ended", () => {
        if (!this.takes.isRunning) this.signal({ type: "camera_failed", trouble: "busy" });
      });
      this.devices = await cameras();
      await this.stage.show(this.stream);
      void keepAwake();
      this.signal({ type: "camera_ready" });
      this.render(false);
    } catch (error) {
      const trouble = error instanceof CameraError ? error.trouble : "unknown";
      this.signal({ type: "camera_failed", trouble });
    }
  }

  // --- one take -----------------------------------------------------------------------------

  private step(): Step {
    return stepOf(this.screening, this.session);
  }

  private countDown(): void {
    const { stage } = this.session;
    if (stage.at !== "countdown") return;
    this.stage.showCount(stage.left || null);
    if (stage.left === 0) {
      void this.record();
      return;
    }
    this.voice.say(String(stage.left));
    window.setTimeout(() => {
      if (document.visibilityState === "hidden") this.signal({ type: "interrupted", why: "hidden" });
      else this.signal({ type: "tick" });
    }, COUNT_MS);
  }

  private async record(): Promise<void> {
    const step = this.step();
    let shown = -2;
    if (!this.stream) return this.signal({ type: "camera_failed", trouble: "unknown" });
    const outcome = await this.takes.run(step, this.stream, this.stage.self, {
      onStart: () => this.signal({ type: "recording_started" }),
      onTime: (seconds) => {
        this.stage.showTime(seconds, step.seconds);
        const { index } = momentAt(step.cues, seconds);
        if (index === shown) return;
        shown = index;
        this.showCue(step, seconds);
      },
      onWindowOver: () => this.signal({ type: "window_over" }),
    });
    this.stage.showTime(null);
    if (outcome.ok) this.voice.say("Thank you.");
    this.signal(outcome.ok ? { type: "saved" } : { type: "interrupted", why: outcome.why });
  }

  private showCue(step: Step, seconds: number): void {
    const moment = momentAt(step.cues, seconds);
    const word = cueWord(step.expression, moment);
    this.panel.replaceChildren(
      panels.recording(this.root, step.expression, word, moment.kind === "make", this.actions),
    );
    this.spoken.textContent = word;
    this.voice.say(word);
  }

  // --- leaving out, sending -----------------------------------------------------------------

  private async saveSkip(reason: string): Promise<void> {
    const step = this.step();
    this.problem = "";
    try {
      await this.takes.dropEarlier(step.id);
      const fresh = ["expected", "uploading"].includes(step.clip.state)
        ? step.clip
        : await call<Clip>("POST", `clips/${step.clip.id}/rerecord/`);
      await call("POST", `clips/${fresh.id}/skip/`, { reason });
      await this.refresh();
      this.signal({ type: "skip_saved" });
    } catch (error) {
      this.problem = sentenceOf(error);
      this.render(false);
    }
  }

  private async submit(): Promise<void> {
    this.problem = "";
    this.submitting = true;
    this.render(false);
    if (this.sender.underway().length > 0) return; // onSent() comes back when the last one is there
    try {
      await call("POST", `screenings/${this.data.screening}/submit/`);
      this.leave();
    } catch (error) {
      this.submitting = error instanceof ApiError && error.isOffline;
      this.problem = sentenceOf(error);
      this.render(false);
      if (this.submitting) window.setTimeout(() => void this.submit(), 5000);
    }
  }

  private async discard(take: string): Promise<void> {
    const step = this.sender.unsent().find((status) => status.take === take)?.step;
    await this.sender.drop(take);
    const index = this.screening.steps.findIndex((one) => one.id === step);
    if (index >= 0) this.signal({ type: "discarded", step: index });
    this.onSent();
  }

  private onSent(): void {
    const words = panels.sendingWords(this.sender.unsent());
    this.sending.hidden = words === null;
    if (words && this.sending.textContent !== words) this.sending.textContent = words;
    if (this.session.stage.at !== "review") return;
    if (this.submitting && this.sender.underway().length === 0) void this.submit();
    else this.render(false);
  }

  // --- picture ------------------------------------------------------------------------------

  private readonly actions: panels.Actions = {
    open: () => void this.openCamera(),
    pickCamera: (id) => {
      remember(id);
      void this.openCamera(id);
    },
    framed: () => this.signal({ type: "framed" }),
    begin: () => this.signal({ type: "begin" }),
    stop: () => this.takes.stop(),
    playAgain: () => this.stage.playAgain(),
    again: () => this.signal({ type: "again" }),
    next: () => this.signal({ type: "next" }),
    skip: () => this.signal({ type: "skip" }),
    cancelSkip: () => this.signal({ type: "skip_cancelled" }),
    saveSkip: (reason) => void this.saveSkip(reason),
    choose: (step) => this.signal({ type: "choose", step }),
    keep: () => this.signal({ type: "keep" }),
    submit: () => void this.submit(),
    resend: (take) => this.sender.retry(take),
    discard: (take) => void this.discard(take),
    turnVoice: (on) => this.voice.turn(on),
    repeatVoice: () => this.voice.again(),
  };

  /** Draws the stage that the session is in; ``moved`` when it is a new one. */
  private render(moved = true): void {
    const { stage } = this.session;
    const hasCamera = this.stream?.active === true;
    this.dots.show(this.screening, this.session);
    const pictured = !["welcome", "blocked", "review", "skipping"].includes(stage.at);
    this.stage.element.hidden = !pictured || !hasCamera;
    this.stage.showOval(["framing", "instruct", "countdown"].includes(stage.at));
    if (moved) this.enter();
    const content = this.content();
    if (content) this.panel.replaceChildren(...this.withProblem(content));
    if (moved && stage.at !== "recording") this.moveInSight();
  }

  /** The new heading is read out; the picture, where there is one, stays in sight. */
  private moveInSight(): void {
    const { element } = this.stage;
    this.panel.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    if (!element.hidden) element.scrollIntoView({ block: "nearest" });
    else if (window.scrollY > this.root.offsetTop) this.root.scrollIntoView({ block: "start" });
  }

  /** What happens once on coming to a stage. */
  private enter(): void {
    const { stage } = this.session;
    if (stage.at === "framing" || stage.at === "instruct") this.finder.start();
    else {
      this.finder.stop();
      this.stage.showHint(null);
    }
    if (stage.at !== "countdown") this.stage.showCount(null);
    this.stage.showReplay(stage.at === "replay" ? this.takes.recordingOf(this.step().id) : null);
    if (stage.at === "instruct") {
      this.problem = "";
      if (this.stream?.active !== true) void this.openCamera();
      this.voice.say(`${this.step().title}. ${this.step().instruction}`);
    }
    if (stage.at === "countdown") {
      // Picture and cue must both be in sight on a small phone.
      if (stage.left === COUNTDOWN) this.stage.element.scrollIntoView({ block: "start" });
      this.countDown();
    }
    if (stage.at === "review") void this.refresh().catch(() => undefined);
  }

  private content(): HTMLElement | null {
    const { root, screening, session, devices, voice, submitting, problem } = this;
    const device = this.stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
    const statusOf = (step: string): Status | null => this.sender.statusOf(step);
    return contentOf(
      { root, screening, session, devices, device, voice, statusOf, submitting, problem },
      this.actions,
    );
  }

  private withProblem(content: HTMLElement): HTMLElement[] {
    const note = this.problem && this.session.stage.at !== "review";
    return note ? [h("p", { class: "note warn", role: "alert" }, this.problem), content] : [content];
  }
}

RecordPage.open().catch((error: unknown) => {
  byId("recorder").replaceChildren(
    h("p", { class: "note bad", role: "alert" }, sentenceOf(error)),
    h("p", { class: "actions" }, h("a", { class: "button", href: location.href }, "Try again")),
  );
});
