// A recording that may still be growing, read by offset: what tus-js-client uploads from.
// Unlike a stream it can be read again from any place, so an upload can resume anywhere.

/** While a recording grows, a piece is sent once it is worth a request. */
const LEAST_BYTES = 64 * 1024;

export class GrowingSource {
  private readonly parts: { start: number; bytes: ArrayBuffer }[] = [];
  private total = 0;
  private finished = false;
  private waiting: (() => void)[] = [];

  constructor(private readonly least = LEAST_BYTES) {}

  /** tus-js-client asks for a size; it is unknown while the recording runs. */
  readonly size = null as unknown as number;

  push(bytes: ArrayBuffer): void {
    if (bytes.byteLength === 0 || this.finished) return;
    this.parts.push({ start: this.total, bytes });
    this.total += bytes.byteLength;
    this.wake();
  }

  /** No more will come: a reader at the end is told so. */
  finish(): void {
    this.finished = true;
    this.wake();
  }

  get length(): number {
    return this.total;
  }

  /**
   * What there is from ``start`` up to ``end``, as soon as it is worth sending. ``done`` when nothing
   * will follow it; ``value`` is null when the end was reached before ``start``.
   */
  async slice(start: number, end: number): Promise<{ value: Blob | null; done: boolean }> {
    while (this.total < Math.min(end, start + this.least) && !this.finished) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    const stop = Math.min(end, this.total);
    const done = this.finished && stop >= this.total;
    if (stop <= start) return { value: null, done };
    const pieces = this.parts
      .filter((part) => part.start < stop && part.start + part.bytes.byteLength > start)
      .map((part) =>
        part.bytes.slice(Math.max(0, start - part.start), Math.max(0, stop - part.start)),
      );
    return { value: new Blob(pieces), done };
  }

  close(): void {
    // Nothing to let go of: the bytes stay in the outbox until the server confirmed them.
  }

  /** Everything, for the SHA-256 (WebCrypto hashes only whole buffers). */
  async whole(): Promise<ArrayBuffer> {
    return new Blob(this.parts.map((part) => part.bytes)).arrayBuffer();
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export async function sha256Hex(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
