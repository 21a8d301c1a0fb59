// Nothing waits without end.

export class TookTooLong extends Error {
  constructor() {
    super("took too long");
    this.name = "TookTooLong";
  }
}

/** What ``promise`` gives, if it does within ``milliseconds``; else rejects with TookTooLong. */
export function inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TookTooLong()), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
