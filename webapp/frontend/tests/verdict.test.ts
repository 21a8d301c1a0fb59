// What follows from each failure of sending, from the first time to the time that is one too many.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, noAnswer } from "../src/shared/api";
import { Road } from "../src/record/road";
import { PieceError } from "../src/record/transfer";
import { isConflict, NO_FAILURES, verdictOn } from "../src/record/verdict";

const ours = (status: number, code = "x", wait: number | null = null): ApiError =>
  new ApiError(status, code, "Said.", wait);
const foreign = (status: number): ApiError => ours(status, "intercepted");
const wait = { then: "wait", words: "Said.", asked: null };
const refused = { then: "refused", words: "Said." };

/** What is decided each time, of the same failure so many times. */
function verdicts(error: unknown, times: number): unknown[] {
  const failures = { ...NO_FAILURES };
  return Array.from({ length: times }, () => verdictOn(error, failures, new Road()));
}

for (const [name, error, limit, before, after] of [
  ["damaged", ours(422, "hash_mismatch"), 3, { then: "anew", fields: {} }, refused],
  ["gone", ours(410), 5, { then: "anew", fields: { clip: null } }, refused],
  ["conflicts", ours(409), 8, wait, refused],
] as const) {
  test(`${name}: so often and no more`, () => {
    assert.deepEqual(verdicts(error, limit + 1), [...Array(limit).fill(before), after]);
  });
}

test("what is not found is gone too, and says so in the end in words of its own", () => {
  const [first, ...rest] = verdicts(ours(404), 6);
  assert.deepEqual(first, { then: "anew", fields: { clip: null } });
  assert.match((rest.at(-1) as { words: string }).words, /does not know this part/);
});

test("what a proxy answers is nobody's conflict, and nothing is gone for it", () => {
  for (const status of [404, 409, 410, 400]) {
    assert.deepEqual(verdicts(foreign(status), 12), Array(12).fill(wait));
  }
  assert.deepEqual([isConflict(ours(409)), isConflict(foreign(409))], [true, false]);
  assert.deepEqual([isConflict(ours(410)), isConflict(new Error("409"))], [false, false]);
});

test("a pause that was asked for is kept, and what passes is tried for ever", () => {
  assert.deepEqual(verdicts(ours(503, "busy", 4_000), 1), [{ ...wait, asked: 4_000 }]);
  for (const status of [408, 423, 429, 500, 503]) {
    assert.deepEqual(verdicts(ours(status), 30).at(-1), wait);
  }
  assert.equal((verdicts(noAnswer(), 30).at(-1) as { then: string }).then, "wait");
});

test("signed out, refused, and a fault of our own", (t) => {
  const silent = t.mock.method(console, "error", () => undefined);
  for (const error of [ours(401), ours(403, "permission_denied")]) {
    assert.deepEqual(verdicts(error, 1), [{ then: "signed_out" }]);
  }
  for (const error of [ours(400), ours(403), ours(413), ours(422)]) {
    assert.deepEqual(verdicts(error, 1), [refused]);
  }
  const words = "This recording could not be sent.";
  assert.deepEqual(verdicts(new TypeError("x is undefined"), 1), [{ then: "refused", words }]);
  assert.equal(silent.mock.callCount(), 1);
});

test("only a piece teaches the road, and only where there is another way", () => {
  const piece = new PieceError(413, "chunk_too_large", "Said.");
  const failures = { ...NO_FAILURES };
  const road = new Road();
  const found = Array.from({ length: 7 }, () => verdictOn(piece, failures, road));
  assert.deepEqual(found, [...Array(6).fill({ then: "again" }), refused]);
  assert.deepEqual(verdictOn(ours(413, "chunk_too_large"), failures, new Road()), refused);
});
