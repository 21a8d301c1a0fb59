// Sends takes from the outbox: while they are recorded, beside the next one, after a reload, and
// whenever the connection comes back. A take leaves the outbox only after the server confirmed it
// or the patient gave it up; one that the server refuses stays and says so.
import { ApiError } from "../shared/api";
import { backoff } from "../shared/live";
import { complete, currentClip, hasArrived } from "./arrival";
import { hold, type Release } from "./holds";
import type { Announced, Outbox, Take } from "./outbox";
import { GrowingSource } from "./source";
import { isPassing, statusOf, type Transfer, transfer, wordsOf } from "./transfer";

export type Phase = "sending" | "waiting" | "signed_out" | "confirmed" | "refused";

export interface Status {
  take: string;
  step: string;
  phase: Phase;
  sent: number;
  total: number | null;
  /** For "refused": what the server said. */
  words: string;
}

/** How often each kind of failure has come; each has a limit or a pace of its own. */
interface Failures {
  passing: number;
  conflicts: number;
  gone: number;
  damaged: number;
}

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

const NO_FAILURES: Failures = { passing: 0, conflicts: 0, gone: 0, damaged: 0 };
const AT_MOST = { conflicts: 8, gone: 5, damaged: 3 };

export class Sender {
  private readonly jobs = new Map<string, Job>();

  constructor(
    private readonly outbox: Outbox,
    private readonly onChange: (status: Status) => void,
  ) {
    const hurry = (): void => this.hurry();
    window.addEventListener("online", hurry);
    window.addEventListener("pageshow", hurry);
    window.addEventListener("focus", hurry);
  }

  /** A take that is being recorded now: feed it with ``chunk`` and end it with ``finish``. */
  async begin(take: Take): Promise<void> {
    // Held before it is written, so that no other page ever sees it without an owner.
    const letGo = await hold(take.id);
    if (!letGo) throw new Error("another page holds this take");
    await this.outbox.put(take);
    this.start(take, new GrowingSource(), letGo);
  }

  async chunk(id: string, index: number, bytes: ArrayBuffer): Promise<void> {
    await this.outbox.addChunk(id, index, bytes);
    this.jobs.get(id)?.source.push(bytes);
  }

  async finish(id: string, announced: Announced): Promise<void> {
    await this.outbox.change(id, { state: "finished", announced });
    const job = this.jobs.get(id);
    if (!job) return;
    job.take = { ...job.take, state: "finished", announced };
    job.source.finish();
  }

  /** The patient does not want the take any more: stop sending it and forget it. */
  async drop(id: string): Promise<void> {
    const job = this.jobs.get(id);
    if (job) {
      job.dropped = true;
      // The source is not finished: an upload that waits for more must not send an empty end.
      job.upload?.discard();
      job.wake?.();
      this.jobs.delete(id);
    }
    await this.outbox.remove(id);
    job?.letGo();
  }

  /** Sends a take once more that the server had refused. */
  retry(id: string): void {
    const job = this.jobs.get(id);
    if (job?.status.phase !== "refused") return;
    job.failures = { ...NO_FAILURES };
    void this.drive(job);
  }

  /**
   * Goes on with what an earlier page left; takes that died in mid-recording are returned. What
   * another page records or sends now is left to that page, for as long as it is open.
   */
  async resume(user: string): Promise<Take[]> {
    const died: Take[] = [];
    for (const { id } of await this.outbox.takes(user)) {
      if (this.jobs.has(id)) continue;
      const letGo = await hold(id);
      if (!letGo) {
        // When the lock breaks instead of coming free, the next page goes on.
        this.takeOver(id).catch(() => undefined);
        continue;
      }
      // Read again: the page that had it may have sent it since the list was made.
      const take = await this.outbox.get(id);
      if (take?.state === "finished") await this.goOn(take, letGo);
      else {
        if (take) died.push(take);
        await this.outbox.remove(id);
        letGo();
      }
    }
    return died;
  }

  /** Waits for the page that holds the take to close, then sends what it left. */
  private async takeOver(id: string): Promise<void> {
    const letGo = await hold(id, { wait: true });
    const take = await this.outbox.get(id);
    if (take?.state === "finished" && letGo) await this.goOn(take, letGo);
    else letGo?.();
  }

  private async goOn(take: Take, letGo: Release): Promise<void> {
    const source = new GrowingSource();
    for (const bytes of await this.outbox.chunks(take.id)) source.push(bytes);
    source.finish();
    this.start(take, source, letGo);
  }

  /** What is not confirmed yet, refused ones among them. */
  unsent(): Status[] {
    return [...this.jobs.values()].map((job) => job.status);
  }

  /** What will still be sent without anybody doing anything. */
  underway(): Status[] {
    return this.unsent().filter((status) => status.phase !== "refused");
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

  private start(take: Take, source: GrowingSource, letGo: Release): void {
    const job: Job = {
      take,
      source,
      letGo,
      upload: null,
      status: { take: take.id, step: take.step, phase: "sending", sent: 0, total: null, words: "" },
      dropped: false,
      failures: { ...NO_FAILURES },
      wake: null,
    };
    this.jobs.set(take.id, job);
    void this.drive(job);
  }

  private report(job: Job, fields: Partial<Status>): void {
    job.status = { ...job.status, ...fields };
    if (!job.dropped) this.onChange(job.status);
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
    this.report(job, { phase: "sending", words: "" });
    if (!job.take.clip) await this.keep(job, { clip: await currentClip(job.take) });
    await this.upload(job);
    const { announced, uploadUrl } = job.take;
    if (job.dropped || !announced || !uploadUrl) return;
    await complete(uploadUrl, await job.source.whole(), announced);
    await this.confirmed(job);
  }

  private async upload(job: Job): Promise<void> {
    if (job.dropped) return;
    job.upload = transfer({
      take: job.take,
      source: job.source,
      onUrl: (uploadUrl) => this.keep(job, { uploadUrl }),
      onProgress: (sent) => {
        const total = job.take.state === "finished" ? job.source.length : null;
        this.report(job, { phase: "sending", sent, total });
      },
    });
    await job.upload.done;
  }

  /** The server has every byte: the one way besides ``drop`` in which a finished take is deleted. */
  private async confirmed(job: Job): Promise<void> {
    await this.outbox.remove(job.take.id);
    this.jobs.delete(job.take.id);
    job.letGo();
    this.report(job, { phase: "confirmed", sent: job.source.length, total: job.source.length });
  }

  /** True to try again (after a pause where one is due), false when there is nothing left to do. */
  private async recover(job: Job, error: unknown): Promise<boolean> {
    const { failures } = job;
    const status = statusOf(error);
    const code = error instanceof ApiError ? error.code : "";
    if (code === "hash_mismatch" && failures.damaged++ < AT_MOST.damaged) {
      await this.keep(job, { uploadUrl: null });
      return true;
    }
    if ((status === 404 || status === 410) && failures.gone++ < AT_MOST.gone) {
      // The upload is gone; the bytes are still here. The clip may have been replaced too.
      await this.keep(job, { uploadUrl: null, clip: null });
      return true;
    }
    if (status === 401 || status === 403) {
      this.report(job, { phase: "signed_out" });
      await this.pause(job, 60_000);
      return !job.dropped;
    }
    if (status === 409 && (await hasArrived(job.take, job.source.length))) {
      await this.confirmed(job);
      return false;
    }
    if (isPassing(status) && !(status === 409 && failures.conflicts++ >= AT_MOST.conflicts)) {
      this.report(job, { phase: "waiting" });
      await this.pause(job, backoff(failures.passing++));
      return !job.dropped;
    }
    // The bytes stay: the patient may send them again, record anew, or discard them.
    this.report(job, { phase: "refused", words: wordsOf(error) });
    return false;
  }

  private async keep(job: Job, fields: Partial<Take>): Promise<void> {
    job.take = { ...job.take, ...fields };
    if (!job.dropped) await this.outbox.change(job.take.id, fields);
  }

  /** Waits, or until the connection comes back. */
  private pause(job: Job, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = window.setTimeout(resolve, milliseconds);
      job.wake = () => {
        window.clearTimeout(timer);
        job.wake = null;
        resolve();
      };
    });
  }
}
