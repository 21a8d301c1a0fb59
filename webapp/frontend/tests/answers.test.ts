// What answers mean: ours, those of whatever stands between, and none at all. And leaving once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, call, errorOf, sentenceOf, waitOf } from "../src/shared/api";
import { leave } from "../src/shared/leave";
import { recall, remember } from "../src/shared/remembered";
import { inTime, TookTooLong } from "../src/shared/time";

const answer = (status: number, body: string, headers: Record<string, string> = {}): ApiError =>
  errorOf({ status, body, header: (name) => headers[name] ?? null });
const HTML = "<!doctype html><title>Hotel Wi-Fi</title><p>Please sign in";
const OURS = { "Tus-Resumable": "1.0.0" };

test("only our own server is quoted; whatever else answers is said in our words", () => {
  assert.equal(answer(409, '{"code":"wrong_state","detail":"Not now."}').message, "Not now.");
  const bodies = [HTML, "", "null", "[1]", '"x"', '{"message":"blocked"}', '{"code":7,"detail":{"a":1}}'];
  for (const body of bodies) {
    for (const status of [200, 302, 400, 403, 404, 405, 413, 451, 500, 502, 503, 504]) {
      const error = answer(status, body);
      assert.ok(error.isForeign && error.isPassing, `${status} ${body}`);
      assert.match(error.message, /^(Something in your network|Your clinic’s computer)/);
      assert.ok(!error.isSignedOut);
    }
  }
});

test("an answer without words is ours when it speaks tus", () => {
  assert.deepEqual([answer(404, "", OURS).isForeign, answer(404, "", OURS).isPassing], [false, false]);
  assert.equal(answer(401, "", OURS).isSignedOut, true);
  assert.equal(answer(503, "", OURS).code, "busy");
  assert.equal(answer(507, "", {}).code, "full");
});

test("what the server asks to wait is read in seconds or by its own clock, never by ours", () => {
  assert.equal(waitOf("7"), 7000);
  assert.equal(waitOf("Thu, 01 Jan 1970 00:01:00 GMT", "Thu, 01 Jan 1970 00:00:30 GMT"), 30_000);
  for (const nothing of [null, "", "soon", "-3"]) assert.equal(waitOf(nothing), null);
  assert.equal(waitOf("Thu, 01 Jan 1970 00:01:00 GMT", null), null);
  assert.equal(waitOf("999999"), 600_000);
});

test("a page in place of data is no raw error, with a good status either", async () => {
  Object.assign(globalThis, { fetch: async () => new Response(HTML) });
  await assert.rejects(call("GET", "x/"), { code: "intercepted" });
  Object.assign(globalThis, { fetch: async () => Promise.reject(new TypeError("Failed to fetch")) });
  await assert.rejects(call("GET", "x/"), { code: "offline" });
});

test("what a browser says of an error is never shown", (t) => {
  t.mock.method(console, "error", () => undefined);
  for (const error of [new DOMException("The quota", "QuotaExceededError"), new SyntaxError("<"), "x", null]) {
    assert.equal(sentenceOf(error), "This did not work. Please try again.");
  }
});

test("a page is left once, whoever asks next", () => {
  const gone: string[] = [];
  Object.assign(globalThis, { location: { assign: (to: string) => gone.push(to) } });
  leave("/first/");
  leave("/second/");
  assert.deepEqual(gone, ["/first/"]);
});

test("storage that is refused as a whole remembers nothing, and nothing else", () => {
  const refuse = (): never => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  Object.assign(globalThis, { localStorage: { getItem: refuse, setItem: refuse } });
  remember("voice", "on");
  assert.equal(recall("voice"), "");
});

test("a wait has an end, and leaves no timer behind", async () => {
  assert.equal(await inTime(Promise.resolve(1), 60_000), 1);
  await assert.rejects(inTime(new Promise(() => undefined), 1), TookTooLong);
});
