// One upload of one take with tus-js-client, and what its failures mean.
import { type DetailedError, Upload } from "tus-js-client";
import { API, ApiError, csrfToken, errorOf, noAnswer, PATIENCE_MS } from "../shared/api";
import type { Take } from "./outbox";
import type { Road } from "./road";
import type { GrowingSource } from "./source";

export interface Parcel {
  take: Take;
  source: GrowingSource;
  road: Road;
  /** The server's address of this upload; it is asked for by a later attempt. */
  onUrl: (url: string | null) => Promise<void>;
  onProgress: (sent: number) => void;
}

export interface Transfer {
  /** Resolves when every byte is sent, rejects with an ApiError; never, once discarded. */
  done: Promise<void>;
  /** Stops, and has the server forget what it got; a creation under way is undone when it answers. */
  discard: () => void;
}

/** A piece of a recording was not taken; other failures are about the upload as a whole. */
export class PieceError extends ApiError {}

export function transfer(parcel: Parcel): Transfer {
  const { take, source, road } = parcel;
  let settle = { resolve: (): void => undefined, reject: (_: Error): void => undefined };
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  let unwanted = false;
  const forget = (): void => void upload.abort(true).catch(() => undefined);
  const patience = new Patience(PATIENCE_MS, () => {
    void upload.abort().catch(() => undefined);
    settle.reject(noAnswer());
  });
  const upload = new Upload(new Blob(), {
    // Without an endpoint the client asks for this very upload. With one it begins anew wherever
    // the question fails, also when the server is only busy.
    ...(take.uploadUrl ? { uploadUrl: take.uploadUrl } : { endpoint: endpointOf(take) }),
    uploadLengthDeferred: true,
    chunkSize: road.chunkBytes,
    overridePatchMethod: road.asPost,
    metadata: { filetype: take.mimeType },
    // Our own source: it grows while the recording runs and can be read from any offset.
    fileReader: { openFile: () => Promise.resolve(source) },
    storeFingerprintForResuming: false,
    onBeforeRequest: (request) => {
      request.setHeader("X-CSRFToken", csrfToken());
      if (!unwanted) patience.start();
    },
    onAfterResponse: () => patience.stop(),
    // The sender tries again by itself: it knows what the server asked to wait.
    retryDelays: null as unknown as number[],
    onUploadUrlAvailable: () => {
      if (upload.url) void parcel.onUrl(upload.url);
      if (unwanted) forget();
    },
    onProgress: (sent) => {
      patience.moved();
      parcel.onProgress(sent);
    },
    onChunkComplete: () => road.worked(),
    onSuccess: () => {
      patience.stop();
      // The server's answer to the creation may be stored a moment later than the last byte.
      void parcel.onUrl(upload.url).then(settle.resolve);
    },
    onError: (error) => {
      patience.stop();
      settle.reject(failureOf(error));
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

function endpointOf(take: Take): string {
  return new URL(`${API}clips/${take.clip}/uploads/`, location.href).href;
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

/** The upload client's error as one of ours: what was answered, and to what. */
function failureOf(error: Error | DetailedError): ApiError {
  const { originalRequest: request, originalResponse: response } = error as Partial<DetailedError>;
  const failure = response
    ? errorOf({
        status: response.getStatus(),
        body: response.getBody(),
        header: (name) => response.getHeader(name),
      })
    : noAnswer();
  if (request?.getHeader("Upload-Offset") === undefined) return failure;
  return new PieceError(failure.status, failure.code, failure.message, failure.retryAfter);
}
