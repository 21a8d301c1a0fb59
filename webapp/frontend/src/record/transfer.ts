// One upload of one take with tus-js-client, and what its failures mean.
import { type DetailedError, Upload } from "tus-js-client";
import { API, ApiError, csrfToken } from "../shared/api";
import type { Take } from "./outbox";
import type { GrowingSource } from "./source";

/** A request in which nothing moves for this long is given up and made again. */
export const PATIENCE_MS = 60_000;
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface Parcel {
  take: Take;
  source: GrowingSource;
  /** The server's address of this upload; it is asked for by a later attempt. */
  onUrl: (url: string | null) => Promise<void>;
  onProgress: (sent: number) => void;
}

export interface Transfer {
  /** Resolves when every byte is sent; never, once discarded. */
  done: Promise<void>;
  /** Stops, and has the server forget what it got; a creation under way is undone when it answers. */
  discard: () => void;
}

export function transfer(parcel: Parcel): Transfer {
  const { take, source } = parcel;
  let settle = { resolve: (): void => undefined, reject: (_: Error): void => undefined };
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  let unwanted = false;
  const forget = (): void => void upload.abort(true).catch(() => undefined);
  const patience = new Patience(PATIENCE_MS, () => {
    void upload.abort().catch(() => undefined);
    settle.reject(new Error("The upload stood still."));
  });
  const upload = new Upload(new Blob(), {
    endpoint: new URL(`${API}clips/${take.clip}/uploads/`, location.href).href,
    uploadUrl: take.uploadUrl,
    uploadLengthDeferred: true,
    chunkSize: CHUNK_BYTES,
    metadata: { filetype: take.mimeType },
    // Our own source: it grows while the recording runs and can be read from any offset.
    fileReader: { openFile: () => Promise.resolve(source) },
    storeFingerprintForResuming: false,
    onBeforeRequest: (request) => {
      request.setHeader("X-CSRFToken", csrfToken());
      patience.start();
    },
    onAfterResponse: () => patience.stop(),
    // The default gives up when navigator.onLine is false, which is often wrong.
    retryDelays: [500, 1000, 3000],
    onShouldRetry: (error) => isPassing(statusOf(error)),
    onUploadUrlAvailable: () => {
      if (upload.url) void parcel.onUrl(upload.url);
      if (unwanted) forget();
    },
    onProgress: (sent) => {
      patience.moved();
      parcel.onProgress(sent);
    },
    onSuccess: () => {
      patience.stop();
      // The server's answer to the creation may be stored a moment later than the last byte.
      void parcel.onUrl(upload.url).then(settle.resolve);
    },
    onError: (error) => {
      patience.stop();
      settle.reject(error);
    },
  });
  upload.start();
  const discard = (): void => {
    patience.stop();
    unwanted = true;
    if (upload.url) forget();
  };
  return { done, discard };
}

/** Runs out unless something moves. Between requests, while a recording grows, it rests. */
export class Patience {
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly milliseconds: number,
    private readonly onOver: () => void,
  ) {}

  start(): void {
    this.stop();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.onOver();
    }, this.milliseconds);
  }

  moved(): void {
    if (this.timer !== null) this.start();
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/** The HTTP status of a failure; 0 when there was no answer. */
export function statusOf(error: unknown): number {
  if (error instanceof ApiError) return error.status;
  return (error as DetailedError | undefined)?.originalResponse?.getStatus() ?? 0;
}

/** No answer, a busy or failing server, a wrong offset: worth another try. */
export function isPassing(status: number): boolean {
  return status === 0 || status >= 500 || [408, 409, 423, 429].includes(status);
}

export function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  const body = (error as DetailedError | undefined)?.originalResponse?.getBody();
  try {
    return (JSON.parse(body ?? "") as { detail: string }).detail;
  } catch {
    return "This recording could not be sent.";
  }
}
