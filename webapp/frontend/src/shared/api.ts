// Calls to the API with the session's cookie and the CSRF token; failures are typed.

export const API = "/api/v1/";

/** A request that the server answered with an error, or that never reached it (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  get isOffline(): boolean {
    return this.status === 0 || this.status >= 500;
  }

  get isSignedOut(): boolean {
    return this.status === 401 || (this.status === 403 && this.code === "not_authenticated");
  }
}

/** The token in the cookie that the page names: over TLS the name has a prefix. */
export function csrfToken(): string {
  const name = document.documentElement.dataset.csrfCookie ?? "csrftoken";
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path.startsWith("/") ? path : API + path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(signal ? { signal } : {}),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "offline", "There is no connection at the moment.");
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  let code = "unknown";
  let detail = "Something went wrong on our side. Please try again.";
  try {
    const body = (await response.json()) as { code?: string; detail?: string };
    code = body.code ?? code;
    detail = body.detail ?? detail;
  } catch {
    // An error page instead of JSON: the general sentence stands.
  }
  return new ApiError(response.status, code, detail);
}

/** What the server wrote into the page for its script. */
export function pageData<T>(): T {
  return JSON.parse(document.getElementById("page")?.textContent ?? "{}") as T;
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong. Please try again.";
}
