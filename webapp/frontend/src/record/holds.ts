// Which page works on a take. Two tabs share one outbox; a lock of the browser's own tells them
// apart, and is free again when its page closes or dies.

export type Release = () => void;

/**
 * Holds a take for this page until the returned function is called. Null when another page holds
 * it, unless ``wait``: then this resolves once that page has let go. Rejects where the browser
 * gives no locks to this page: whose the take is, is then not known.
 */
export function hold(take: string, { wait = false } = {}): Promise<Release | null> {
  // Browsers offer locks to secure pages only; others have no camera either.
  if (!("locks" in navigator)) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`mimia-take-${take}`, { ifAvailable: !wait }, (lock) => {
        if (!lock) return resolve(null);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}
