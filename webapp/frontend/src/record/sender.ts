// Sends takes from the outbox: while they are recorded, beside the next one, after a reload, and
// whenever the connection comes back. A take leaves the outbox only after the server confirmed it
// or the patient gave it up; one that the server refuses stays and says so. Where the outbox keeps
// nothing, a take is held here, in this window, for as long as it is open.
import { backoff } from "../shared/live";
import type { Clip } from "../shared/types";
import { arrived, complete, currentClip } from "./arrival";
import { hold, type Release } from "./holds";
import type { Announced, Outbox, Take } from "./outbox";
import { Road } from "./road";
import { GrowingSource } from "./source";
import { NOT_READABLE, type Status } from "./sending";
import { type Transfer, transfer } from "./transfer";
import { type Failures, isConflict, NO_FAILURES, verdictOn } from "./verdict";

interface Job {
  take: Take;
  source: GrowingSource;
  letGo: Release;
  upload: Transfer | null;
  status: Status;
  dropped: boolean;
  failures: Failures;
  wake: (() => void) | null;
}

const SIGNED_OUT_MS = 60_000;

export class Sender {
  private readonly jobs = new Map<string, Job>();
  /** Takes of this person that this page cannot send: another one holds them, or they are damaged. */
  private readonly others = new Map<string, Status>();
  private readonly road = new Road();

  constructor(
    private readonly outbox: Outbox,
    /** Called whenever a take's status changes; with the clip once the server has confirmed it. */
    private readonly onChange: (status: Status, clip: Clip | null) => void,
  ) {
    const hurry = (): void => this.hurry();
    window.addEventListener("online", hurry);
    window.addEventListener("pageshow", hurry);
    window.addEventListener("focus", hurry);
  }

  /** A take that is being recorded now: feed it with ``chunk`` and end it with ``finish``. */
  async begin(take: Take): Promise<void> {
    // Held before it is written, so that no other page ever sees it without an owner. Without a
    // lock it is not written at all: another page might take it for one whose page died.
    const letGo = await hold(take.id).catch(() => null);
    const safe = letGo !== null && (await this.outbox.put(take));
    this.start(take, new GrowingSource(), letGo ?? (() => undefined), safe);
  }

  async chunk(id: string, index: number, bytes: ArrayBuffer): Promise<void> {
    const job = this.jobs.get(id);
    if (!job) return;
    if (job.status.safe && !(await this.outbox.addChunk(id, index, bytes))) await this.unkeep(job);
    job.source.push(bytes);
  }

  async finish(id: string, announced: Announced): Promise<void> {
    const job = this.jobs.get(id);
    if (!job) return;
    await this.keep(job, { state: "finished", announced });
    job.source.finish();
  }

  /** The patient does not want the take any more: stop sending it and forget it. */
  async drop(id: string): Promise<void> {
    const job = this.jobs.get(id);
    const status = job?.status ?? this.others.get(id);
    if (job) {
      job.dropped = true;
      // The source is not finished: an upload that waits for more must not send an empty end.
      job.upload?.discard();
      job.wake?.();
      this.jobs.delete(id);
    }
    this.others.delete(id);
    if (status) this.onChange({ ...status, phase: "dropped" }, null);
    await this.outbox.remove(id);
    job?.letGo();
  }

  /** Sends a take once more that the server had refused. */
  retry(id: string): void {
    const job = this.jobs.get(id);
    if (!job) return void this.resumeOne(id).catch(() => undefined);
    if (job.status.phase !== "refused") return;
    job.failures = { ...NO_FAILURES };
    this.report(job, { phase: "sending", words: "" });
    void this.drive(job);
  }

  /**
   * Goes on with what an earlier page left; takes that died in mid-recording are returned. What
   * another page records or sends now is left to that page, for as long as it is open.
   */
  async resume(user: string): Promise<Take[]> {
    const died: Take[] = [];
    // An outbox in trouble has nothing to go on with, and says so by itself.
    for (const take of await this.outbox.takes(user).catch(() => [])) {
      if (this.jobs.has(take.id)) continue;
      this.others.set(take.id, elsewhere(take));
      const dead = await this.resumeOne(take.id).catch(() => null);
      if (dead) died.push(dead);
    }
    return died;
  }

  private async resumeOne(id: string): Promise<Take | null> {
    const letGo = await hold(id);
    if (letGo) return this.take(id, letGo);
    // When the lock breaks instead of coming free, the next page goes on.
    hold(id, { wait: true })
      .then((free) => free && this.take(id, free))
      .catch(() => undefined);
    return null;
  }

  /** Takes over what no other page holds: sends it, or forgets what died in mid-recording. */
  private async take(id: string, letGo: Release): Promise<Take | null> {
    try {
      // Read now: the page that had it may have sent it meanwhile.
      const take = await this.outbox.get(id);
      if (take?.state === "finished") {
        await this.goOn(take, letGo);
        return null;
      }
      await this.outbox.remove(id);
      this.leave(id);
      letGo();
      return take ?? null;
    } catch (error) {
      const status = this.others.get(id);
      if (status) {
        const unreadable: Status = { ...status, phase: "refused", words: NOT_READABLE };
        this.others.set(id, unreadable);
        this.onChange(unreadable, null);
      }
      letGo();
      throw error;
    }
  }

  private async goOn(take: Take, letGo: Release): Promise<void> {
    const source = new GrowingSource();
    for (const bytes of await this.outbox.chunks(take.id)) source.push(bytes);
    source.finish();
    this.others.delete(take.id);
    this.start(take, source, letGo, true);
  }

  /** A take that another page had is there no more: sent, or given up there. */
  private leave(id: string): void {
    const status = this.others.get(id);
    this.others.delete(id);
    if (status) this.onChange({ ...status, phase: "dropped" }, null);
  }

  /** What is not confirmed yet, refused ones and those of other windows among them. */
  unsent(): Status[] {
    return [...this.others.values(), ...[...this.jobs.values()].map((job) => job.status)];
  }

  /** What this page will still send without anybody doing anything. */
  underway(): Status[] {
    return this.unsent().filter(({ phase }) => phase !== "refused" && phase !== "elsewhere");
  }

  statusOf(step: string): Status | null {
    return this.unsent().filter((status) => status.step === step).at(-1) ?? null;
  }

  private hurry(): void {
    for (const job of this.jobs.values()) {
      job.failures.passing = 0;
      job.wake?.();
    }
  }

  private start(take: Take, source: GrowingSource, letGo: Release, safe: boolean): void {
    const { id, step } = take;
    const job: Job = {
      take,
      source,
      letGo,
      upload: null,
      status: { take: id, step, phase: "sending", sent: 0, total: null, words: "", safe },
      dropped: false,
      failures: { ...NO_FAILURES },
      wake: null,
    };
    this.jobs.set(id, job);
    this.report(job, {});
    void this.drive(job);
  }

  private report(job: Job, fields: Partial<Status>, clip: Clip | null = null): void {
    job.status = { ...job.status, ...fields };
    if (!job.dropped) this.onChange(job.status, clip);
  }

  /** Tries until the server has confirmed the take, or has refused it for good. */
  private async drive(job: Job): Promise<void> {
    while (!job.dropped) {
      try {
        await this.send(job);
        return;
      } catch (error) {
        if (job.dropped) return;
        if (!(await this.recover(job, error))) return;
      }
    }
  }

  private async send(job: Job): Promise<void> {
    if (!job.take.clip) await this.keep(job, { clip: await currentClip(job.take) });
    await this.upload(job);
    const { announced, uploadUrl } = job.take;
    if (job.dropped || !announced || !uploadUrl) return;
    const clip = await complete(uploadUrl, await job.source.whole(), announced);
    await this.confirmed(job, clip);
  }

  private async upload(job: Job): Promise<void> {
    if (job.dropped) return;
    job.upload = transfer({
      take: job.take,
      source: job.source,
      road: this.road,
      onUrl: (uploadUrl) => this.keep(job, { uploadUrl }),
      onProgress: (sent) => this.moved(job, sent),
    });
    await job.upload.done;
  }

  /** "Sending" is said only of what moves. */
  private moved(job: Job, sent: number): void {
    const total = job.take.state === "finished" ? job.source.length : null;
    const isMoving = job.status.phase === "sending" || sent > job.status.sent;
    if (isMoving) job.failures.passing = 0;
    this.report(job, isMoving ? { phase: "sending", words: "", sent, total } : { total });
  }

  /** The server has every byte: the one way besides ``drop`` in which a finished take is deleted. */
  private async confirmed(job: Job, clip: Clip): Promise<void> {
    await this.outbox.remove(job.take.id);
    this.jobs.delete(job.take.id);
    job.letGo();
    const { length } = job.source;
    this.report(job, { phase: "confirmed", words: "", sent: length, total: length }, clip);
  }

  /** True to try again (after a pause where one is due), false when there is nothing left to do. */
  private async recover(job: Job, error: unknown): Promise<boolean> {
    const clip = isConflict(error) ? await arrived(job.take, job.source.length) : null;
    if (clip) {
      await this.confirmed(job, clip);
      return false;
    }
    const verdict = verdictOn(error, job.failures, this.road);
    switch (verdict.then) {
      case "again":
        break;
      case "anew":
        job.status = { ...job.status, sent: 0 };
        await this.keep(job, { ...verdict.fields, uploadUrl: null });
        break;
      case "signed_out":
        this.report(job, { phase: "signed_out", words: "" });
        await this.pause(job, SIGNED_OUT_MS);
        break;
      case "wait":
        this.report(job, { phase: "waiting", words: verdict.words });
        await this.pause(job, backoff(job.failures.passing++), verdict.asked);
        break;
      case "refused":
        this.report(job, { phase: "refused", words: verdict.words });
        return false;
    }
    return !job.dropped;
  }

  private async keep(job: Job, fields: Partial<Take>): Promise<void> {
    job.take = { ...job.take, ...fields };
    if (job.dropped || !job.status.safe) return;
    if (!(await this.outbox.change(job.take.id, fields))) await this.unkeep(job);
  }

  /** The device could not keep all of it: the rest would be half a take, so none of it stays there. */
  private async unkeep(job: Job): Promise<void> {
    this.report(job, { safe: false });
    await this.outbox.remove(job.take.id);
  }

  /** Waits, or until the connection comes back; what the server asked to wait is waited in full. */
  private pause(job: Job, milliseconds: number, asked: number | null = null): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        window.clearTimeout(timer);
        job.wake = null;
        resolve();
      };
      const timer = window.setTimeout(over, Math.max(milliseconds, asked ?? 0));
      // A take that is dropped ends its pause in any case.
      job.wake = asked === null || job.dropped ? over : () => job.dropped && over();
    });
  }
}

function elsewhere({ id, step }: Take): Status {
  return { take: id, step, phase: "elsewhere", sent: 0, total: null, words: "", safe: true };
}
