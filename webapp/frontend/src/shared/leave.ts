// The one way in which a script leaves its page. Two writers of ``location`` abort each other's
// navigation, and nobody arrives: the first to ask is obeyed, the others are not heard.

let leaving = false;

/** Whether this page is on its way out by itself: then nobody is asked to stay. */
export function isLeaving(): boolean {
  return leaving;
}

/** Goes to another page of this site, once. */
export function leave(to: string): void {
  if (leaving) return;
  leaving = true;
  location.assign(to);
}

/** A page that the browser kept and shows again knows nothing of what happened since: load it. */
export function reloadWhenShownAgain(): void {
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    leaving = true;
    location.reload();
  });
}
