// Calls to the API with the session's cookie and the CSRF token; failures are typed.

export const API = "/api/v1/";

/** A request in which nothing comes back for this long is given up. */
export const PATIENCE_MS = 60_000;

/** What people read when a request failed and our server has not said why. */
const WORDS = {
  offline: "There is no connection at the moment.",
  intercepted:
    "Something in your network answers in place of your clinic. If your Wi-Fi has a sign-in page, please open it first.",
  away: "Your clinic’s computer does not answer at the moment.",
  busy: "Your clinic’s computer is busy at the moment.",
  full: "Your clinic’s computer has no room at the moment.",
  unknown: "This did not work. Please try again.",
} as const;

/** A request that was answered with an error, or that never reached the server (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Milliseconds that the server asked to wait; null when it did not. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Answered by something between here and the server: a sign-in page, a proxy, a filter. */
  get isForeign(): boolean {
    return this.code === "intercepted" || this.code === "away";
  }

  /** Worth another try by itself: no answer, a busy or failing server, somebody else's answer. */
  get isPassing(): boolean {
    return (
      this.status === 0 ||
      this.status >= 500 ||
      this.isForeign ||
      [408, 409, 423, 429].includes(this.status)
    );
  }

  /** Nobody is signed in any more, or the token against forgery went with the cookies. */
  get isSignedOut(): boolean {
    return this.status === 401 || (this.status === 403 && this.code === "permission_denied");
  }
}

/** An answer as both ``fetch`` and the upload client can give it. */
export interface Answer {
  status: number;
  body: string;
  header: (name: string) => string | null | undefined;
}

/** What a failed answer means. Only what is recognisably our server's own is ever quoted. */
export function errorOf({ status, body, header }: Answer): ApiError {
  const retryAfter = waitOf(header("Retry-After"), header("Date"));
  const said = sayingOf(body);
  if (said) return new ApiError(status, said.code, said.detail, retryAfter);
  const kind = kindOf(status, Boolean(header("Tus-Resumable")));
  return new ApiError(status, kind, WORDS[kind], retryAfter);
}

export function noAnswer(): ApiError {
  return new ApiError(0, "offline", WORDS.offline);
}

function kindOf(status: number, isOurs: boolean): keyof typeof WORDS {
  if (status === 0) return "offline";
  if (status === 507) return "full";
  if (status === 429 || (status === 503 && isOurs)) return "busy";
  if (status >= 500) return "away";
  return isOurs ? "unknown" : "intercepted";
}

/** Our errors are ``{"code": …, "detail": …}``; a proxy's page or its own JSON is not. */
function sayingOf(body: string): { code: string; detail: string } | null {
  try {
    const { code, detail } = JSON.parse(body) as Record<string, unknown>;
    return typeof code === "string" && typeof detail === "string" ? { code, detail } : null;
  } catch {
    return null;
  }
}

/** ``Retry-After`` in milliseconds: seconds, or a moment by the server's clock, never by ours. */
export function waitOf(after?: string | null, date?: string | null): number | null {
  if (!after) return null;
  const seconds = Number(after);
  const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.parse(date ?? "") : 1000 * seconds;
  return Number.isFinite(wait) && wait >= 0 ? Math.min(wait, 600_000) : null;
}

/** The token in the cookie that the page names: over TLS the name has a prefix. */
export function csrfToken(): string {
  const name = document.documentElement.dataset.csrfCookie ?? "csrftoken";
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  let text: string;
  try {
    response = await fetch(path.startsWith("/") ? path : API + path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    text = await response.text();
  } catch {
    throw noAnswer();
  }
  const header = (name: string): string | null => response.headers.get(name);
  if (!response.ok) throw errorOf({ status: response.status, body: text, header });
  if (response.status === 204) return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    // A page in place of data, with a good status: a sign-in page of the network, most often.
    throw new ApiError(response.status, "intercepted", WORDS.intercepted);
  }
}

/** What the server wrote into the page for its script. */
export function pageData<T>(): T {
  return JSON.parse(document.getElementById("page")?.textContent ?? "{}") as T;
}

/** Words for a person. What a browser says of an error is for programmers, and never shown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return WORDS.unknown;
}
