// Sends takes from the outbox: while they are recorded, beside the next one, after a reload, and
// whenever the connection comes back. A take leaves the outbox only after the server confirmed it.
import { type DetailedError, Upload } from "tus-js-client";
import { API, ApiError, call, csrfToken } from "../shared/api";
import { backoff } from "../shared/live";
import type { Clip, Screening } from "../shared/types";
import type { Announced, Outbox, Take } from "./outbox";
import { GrowingSource, sha256Hex } from "./source";

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

interface Job {
  take: Take;
  source: GrowingSource;
  upload: Upload | null;
  status: Status;
  dropped: boolean;
  attempts: number;
  damaged: number;
  wake: (() => void) | null;
}

const CHUNK_BYTES = 4 * 1024 * 1024;
const DAMAGED_AT_MOST = 3;


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
    await this.outbox.put(take);
    this.start(take, new GrowingSource());
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

  /** The take is not wanted any more: stop sending it and forget it. */
  async drop(id: string): Promise<void> {
    const job = this.jobs.get(id);
    if (job) {
      job.dropped = true;
      // The source is not finished: an upload that waits for more must not send an empty end.
      await job.upload?.abort().catch(() => undefined);
      job.wake?.();
      this.jobs.delete(id);
    }
    await this.outbox.remove(id);
  }

  /** Goes on with what an earlier page left; takes that died in mid-recording are returned. */
  async resume(user: string): Promise<Take[]> {
    const died: Take[] = [];
    for (const take of await this.outbox.takes(user)) {
      if (this.jobs.has(take.id)) continue;
      if (take.state === "recording") {
        died.push(take);
        await this.outbox.remove(take.id);
        continue;
      }
      const source = new GrowingSource();
      for (const bytes of await this.outbox.chunks(take.id)) source.push(bytes);
      source.finish();
      this.start(take, source);
    }
    return died;
  }

  /** What is not confirmed yet. */
  unsent(): Status[] {
    return [...this.jobs.values()].map((job) => job.status);
  }

  statusOf(step: string): Status | null {
    return this.unsent().find((status) => status.step === step) ?? null;
  }

  private hurry(): void {
    for (const job of this.jobs.values()) {
      job.attempts = 0;
      job.wake?.();
    }
  }

  private start(take: Take, source: GrowingSource): void {
    const status: Status = {
      take: take.id,
      step: take.step,
      phase: "sending",
      sent: 0,
      total: null,
      words: "",
    };
    const job: Job = {
      take,
      source,
      upload: null,
      status,
      dropped: false,
      attempts: 0,
      damaged: 0,
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
    this.report(job, { phase: "sending" });
    if (!job.take.clip) await this.keep(job, { clip: await currentClip(job.take) });
    await this.transfer(job);
    const { announced } = job.take;
    if (job.dropped || !announced || !job.take.uploadUrl) return;
    const bytes = await job.source.whole();
    await call<Clip>("POST", `${new URL(job.take.uploadUrl, location.href).pathname}complete/`, {
      size: bytes.byteLength,
      sha256: await sha256Hex(bytes),
      announced,
    });
    await this.outbox.remove(job.take.id);
    this.jobs.delete(job.take.id);
    this.report(job, { phase: "confirmed", sent: bytes.byteLength, total: bytes.byteLength });
  }

  private transfer(job: Job): Promise<void> {
    return new Promise((resolve, reject) => {
      const upload = new Upload(new Blob(), {
        endpoint: `${API}clips/${job.take.clip}/uploads/`,
        uploadUrl: job.take.uploadUrl,
        uploadLengthDeferred: true,
        chunkSize: CHUNK_BYTES,
        metadata: { filetype: job.take.mimeType },
        // Our own source: it grows while the recording runs and can be read from any offset.
        fileReader: { openFile: () => Promise.resolve(job.source) },
        storeFingerprintForResuming: false,
        onBeforeRequest: (request) => request.setHeader("X-CSRFToken", csrfToken()),
        // The default gives up when navigator.onLine is false, which is often wrong.
        retryDelays: [500, 1000, 3000],
        onShouldRetry: (error) => isPassing(statusOf(error)),
        onUploadUrlAvailable: () => {
          if (upload.url) void this.keep(job, { uploadUrl: upload.url });
        },
        onProgress: (sent) =>
          this.report(job, {
            phase: "sending",
            sent,
            total: job.take.state === "finished" ? job.source.length : null,
          }),
        onSuccess: () => {
          // The server's answer to the creation may be stored a moment later than the last byte.
          void this.keep(job, { uploadUrl: upload.url }).then(resolve);
        },
        onError: reject,
      });
      job.upload = upload;
      upload.start();
    });
  }

  /** True to try again (after a pause where one is due), false when there is nothing left to do. */
  private async recover(job: Job, error: unknown): Promise<boolean> {
    const status = statusOf(error);
    const code = error instanceof ApiError ? error.code : "";
    if (code === "hash_mismatch" && job.damaged++ < DAMAGED_AT_MOST) {
      await this.keep(job, { uploadUrl: null });
      return true;
    }
    if (status === 404 || status === 410) {
      // The upload is gone; the bytes are still here. The clip may have been replaced too.
      if (job.attempts++ < 5) {
        await this.keep(job, { uploadUrl: null, clip: null });
        return true;
      }
    }
    if (status === 401 || status === 403) {
      this.report(job, { phase: "signed_out" });
      await this.pause(job, 60_000);
      return !job.dropped;
    }
    if (status === 409 && (await isAlreadyThere(job.take))) {
      await this.outbox.remove(job.take.id);
      this.jobs.delete(job.take.id);
      this.report(job, { phase: "confirmed" });
      return false;
    }
    if (isPassing(status) && !(status === 409 && job.attempts > 8)) {
      this.report(job, { phase: "waiting" });
      await this.pause(job, backoff(job.attempts++));
      return !job.dropped;
    }
    this.report(job, { phase: "refused", words: wordsOf(error) });
    this.jobs.delete(job.take.id);
    await this.outbox.remove(job.take.id);
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

/** The clip that a take of this step belongs to now; a handed-in one is replaced by a new one. */
async function currentClip(take: Take): Promise<string> {
  const screening = await call<Screening>("GET", `screenings/${take.screening}/`);
  const step = screening.steps.find((one) => one.id === take.step);
  if (!step) throw new ApiError(422, "step", "This part does not belong to the screening.");
  if (step.clip.state === "expected" || step.clip.state === "uploading") return step.clip.id;
  return (await call<Clip>("POST", `clips/${step.clip.id}/rerecord/`)).id;
}

/** Whether the server holds this take's clip already: its answer was lost on the way. */
async function isAlreadyThere(take: Take): Promise<boolean> {
  if (!take.clip) return false;
  try {
    const clip = await call<Clip>("GET", `clips/${take.clip}/`);
    return !["expected", "uploading"].includes(clip.state);
  } catch {
    return false;
  }
}

function statusOf(error: unknown): number {
  if (error instanceof ApiError) return error.status;
  return (error as DetailedError | undefined)?.originalResponse?.getStatus() ?? 0;
}

/** No answer, a busy or failing server, a wrong offset: worth another try. */
function isPassing(status: number): boolean {
  return status === 0 || status >= 500 || [408, 409, 423, 429].includes(status);
}

function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  const body = (error as DetailedError | undefined)?.originalResponse?.getBody();
  try {
    return (JSON.parse(body ?? "") as { detail: string }).detail;
  } catch {
    return "This recording could not be sent. Please record this part again.";
  }
}
