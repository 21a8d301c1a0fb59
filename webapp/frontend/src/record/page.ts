// The camera page: ties the state machine to camera, recorder, outbox and picture.
import { call, pageData, sentenceOf } from "../shared/api";
import { byId, h } from "../shared/dom";
import { isLeaving, leave, reloadWhenShownAgain } from "../shared/leave";
import { Live, refresher } from "../shared/live";
import type { Clip, Screening, Step } from "../shared/types";
import { Camera } from "./camera";
import { contentOf, stepOf } from "./content";
import { cueWord, momentAt } from "./cues";
import { Dots, progressOf } from "./dots";
import { ENDINGS } from "./endings";
import { Finder } from "./finder";
import { HandIn } from "./hand-in";
import { askToPersist, Lines } from "./lines";
import { advance, begin, COUNTDOWN, type Session, type Signal } from "./machine";
import { Outbox } from "./outbox";
import * as panels from "./panels";
import { Sender } from "./sender";
import type { Status } from "./sending";
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
  private readonly camera = new Camera(this.stage.self, {
    onAsked: () => this.signal({ type: "camera_asked" }),
    onSlow: () => this.signal({ type: "camera_slow" }),
    onReady: () => this.signal({ type: "camera_ready" }),
    onFailed: (trouble) => this.signal({ type: "camera_failed", trouble }),
  });
  private readonly panel = h("div", {});
  private readonly dots = new Dots();
  /** Cues for screen readers: one element that stays, so that each change is read out. */
  private readonly spoken = h("p", { class: "visually-hidden", role: "status" });
  private readonly lines = new Lines();
  private readonly refreshSoon = refresher(() => this.refresh());
  private readonly sender: Sender;
  private readonly takes: Takes;
  private readonly handIn: HandIn;
  private counting = 0;
  /** Takes in a row that ended by themselves. */
  private failures = 0;
  private problem = "";

  private constructor(
    private screening: Screening,
    private session: Session,
    private readonly outbox: Outbox,
  ) {
    const { data } = this;
    this.sender = new Sender(outbox, (status, clip) => this.onSent(status, clip));
    this.takes = new Takes(this.sender, data.user, data.screening);
    this.handIn = new HandIn(this.sender, data.screening, {
      onChange: () => this.render(false),
      onDone: () => this.goOn(),
      refresh: () => this.refresh(),
    });
  }

  static async open(): Promise<void> {
    const data = pageData<PageData>();
    let page: RecordPage | null = null;
    const [screening, outbox] = await Promise.all([
      call<Screening>("GET", `screenings/${data.screening}/`),
      Outbox.open("mimia-outbox", () => page?.onStorage()),
    ]);
    const kept = await outbox.takes(data.user).catch(() => []);
    page = new RecordPage(screening, begin(progressOf(screening, kept)), outbox);
    await page.start();
  }

  private async start(): Promise<void> {
    this.root.replaceChildren(
      this.dots.list,
      this.dots.part,
      this.lines.keeping,
      this.stage.element,
      this.panel,
      this.spoken,
      this.lines.sending,
    );
    const vision = new URL(`${this.root.dataset.static}vision`, location.href).href;
    this.finder.load(this.root.dataset.worker ?? "", vision);
    askToPersist();
    await this.resume();
    const refresh = this.refreshSoon;
    new Live({ path: "/ws/patient/", after: this.data.after, onEvent: refresh, onStale: refresh });
    window.addEventListener("beforeunload", (event) => {
      if (isLeaving()) return;
      const isHolding = this.sender.underway().length > 0 || this.holdsTheOnlyCopy();
      if (isHolding || this.takes.isRunning) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.camera.close());
    reloadWhenShownAgain();
    this.show();
    this.render();
  }

  private async resume(): Promise<void> {
    const died = await this.sender.resume(this.data.user);
    if (died.length === 0) return;
    this.problem = "A recording was cut off when the page closed. Please record that part again.";
  }

  private async refresh(): Promise<void> {
    this.screening = await call<Screening>("GET", `screenings/${this.data.screening}/`);
    if (!["draft", "needs_rerecord"].includes(this.screening.state)) this.goOn();
    else if (this.session.stage.at === "review") this.render(false);
  }

  /** To the screening's own page, unless something would be lost that only this window has. */
  private goOn(): void {
    if (!this.takes.isRunning && !this.holdsTheOnlyCopy()) leave(`/screenings/${this.data.screening}/`);
  }

  private holdsTheOnlyCopy(): boolean {
    return this.sender.unsent().some((status) => !status.safe);
  }

  private signal(signal: Signal): void {
    const before = this.session;
    this.session = advance(before, signal);
    if (this.session !== before) this.render();
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
    this.counting = window.setTimeout(() => {
      if (document.visibilityState === "hidden") this.signal({ type: "interrupted", why: "hidden" });
      else this.signal({ type: "tick" });
    }, COUNT_MS);
  }

  private async record(): Promise<void> {
    const step = this.step();
    const { stream } = this.camera;
    let shown = -2;
    if (!stream) return this.signal({ type: "camera_failed", trouble: "unknown" });
    const outcome = await this.takes.run(step, stream, this.stage.self, {
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
    if (outcome.ok) {
      this.failures = 0;
      this.voice.say("Thank you.");
      return this.signal({ type: "saved" });
    }
    if (outcome.why !== "stopped") this.failures += 1;
    if (ENDINGS[outcome.why].camera) this.camera.close();
    this.signal({ type: "interrupted", why: outcome.why });
  }

  /** Before the recorder has begun there is only the countdown to stop. */
  private stop(): void {
    if (this.takes.isRunning) this.takes.stop();
    else this.signal({ type: "interrupted", why: "stopped" });
  }

  private showCue(step: Step, seconds: number): void {
    const moment = momentAt(step.cues, seconds);
    const word = cueWord(step, moment);
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

  /** A recording moved, waits, arrived or was given up: every word about it follows. */
  private onSent(status: Status, clip: Clip | null): void {
    const index = this.screening.steps.findIndex((one) => one.id === status.step);
    const step = this.screening.steps[index];
    if (step && clip) step.clip = clip;
    if (status.phase === "dropped") {
      const isOpen = step && ["expected", "uploading"].includes(step.clip.state);
      if (isOpen && !this.sender.statusOf(status.step)) this.signal({ type: "discarded", step: index });
      this.refreshSoon();
    }
    this.show();
    if (this.session.stage.at !== "review") return;
    if (this.handIn.isUnderway) void this.handIn.goOn();
    else this.render(false);
  }

  /** The browser's storage failed, or is back: then there may be recordings to go on with. */
  private onStorage(): void {
    this.show();
    if (this.outbox.trouble) return;
    void this.resume().then(() => this.render(false));
  }

  private show(): void {
    this.lines.show(this.outbox, this.sender.unsent());
  }

  // --- picture ------------------------------------------------------------------------------

  private readonly actions: panels.Actions = {
    open: () => void this.camera.open(),
    pickCamera: (id) => void this.camera.pick(id),
    framed: () => this.signal({ type: "framed" }),
    begin: () => this.signal({ type: "begin" }),
    stop: () => this.stop(),
    playAgain: () => this.stage.playAgain(),
    again: () => this.signal({ type: "again" }),
    next: () => this.signal({ type: "next" }),
    skip: () => this.signal({ type: "skip" }),
    cancelSkip: () => this.signal({ type: "skip_cancelled" }),
    saveSkip: (reason) => void this.saveSkip(reason),
    choose: (step) => this.signal({ type: "choose", step }),
    keep: () => this.signal({ type: "keep" }),
    submit: () => void this.handIn.start(),
    resend: (take) => this.sender.retry(take),
    discard: (take) => void this.sender.drop(take),
    turnVoice: (on) => this.voice.turn(on),
    repeatVoice: () => this.voice.again(),
  };

  /** Draws the stage that the session is in; ``moved`` when it is a new one. */
  private render(moved = true): void {
    const { stage } = this.session;
    this.dots.show(this.screening, this.session);
    const pictured = !["welcome", "asking", "blocked", "review", "skipping"].includes(stage.at);
    this.stage.element.hidden = !pictured || !(this.camera.isLive || stage.at === "replay");
    this.stage.showOval(["framing", "instruct", "countdown"].includes(stage.at));
    if (moved && !this.enter()) return;
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

  /** What happens once on coming to a stage. False when that led to another one at once. */
  private enter(): boolean {
    const { stage } = this.session;
    if (stage.at === "framing" || stage.at === "instruct") this.finder.start();
    else {
      this.finder.stop();
      this.stage.showHint(null);
    }
    window.clearTimeout(this.counting);
    if (stage.at !== "countdown") this.stage.showCount(null);
    this.stage.showReplay(stage.at === "replay" ? this.takes.recordingOf(this.step().id) : null);
    if (stage.at === "instruct") {
      this.problem = "";
      if (!this.camera.isLive) void this.camera.open();
      else this.voice.say(`${this.step().title}. ${this.step().instruction}`);
    }
    if (stage.at === "countdown") {
      // Picture and cue must both be in sight on a small phone.
      if (stage.left === COUNTDOWN) this.stage.element.scrollIntoView({ block: "start" });
      this.countDown();
    }
    if (stage.at === "review") this.refreshSoon();
    return this.session.stage === stage;
  }

  private content(): HTMLElement | null {
    const { root, screening, session, voice, camera, handIn, failures } = this;
    const statusOf = (step: string): Status | null => this.sender.statusOf(step);
    const { devices, device } = camera;
    const { isUnderway: submitting } = handIn;
    const problem = this.problem || handIn.problem;
    return contentOf(
      { root, screening, session, devices, device, voice, statusOf, submitting, problem, failures },
      this.actions,
    );
  }

  private withProblem(content: HTMLElement): HTMLElement[] {
    const note = this.problem && this.session.stage.at !== "review";
    return note ? [h("p", { class: "note warn", role: "alert" }, this.problem), content] : [content];
  }
}

RecordPage.open().catch((error: unknown) => byId("recorder").replaceChildren(panels.closed(error)));
