// The recording session: what leads where, and what changes nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENDINGS, type Ending } from "../src/record/endings";
import { advance, begin, nextOpen, type Progress, type Session, type Signal } from "../src/record/machine";

const open = (n: number): Progress[] => Array.from({ length: n }, () => "open");

function walk(session: Session, ...signals: Signal[]): Session {
  return signals.reduce(advance, session);
}

const TAKE: Signal[] = [
  { type: "begin" },
  { type: "tick" },
  { type: "tick" },
  { type: "tick" },
  { type: "recording_started" },
  { type: "window_over" },
  { type: "saved" },
];
const CAMERA: Signal[] = [{ type: "camera_asked" }, { type: "camera_ready" }, { type: "framed" }];

test("a whole session goes from the camera to the overview", () => {
  const done = walk(begin(open(2)), ...CAMERA, ...TAKE, { type: "next" }, ...TAKE, { type: "next" });
  assert.deepEqual(done.stage, { at: "review" });
  assert.deepEqual(done.steps, ["recorded", "recorded"]);
});

test("a session whose parts are all done begins with the overview", () => {
  assert.equal(begin(["recorded", "skipped"]).stage.at, "review");
});

test("a draft goes on at its first open part", () => {
  const session = walk(begin(["recorded", "open", "open"]), ...CAMERA);
  assert.deepEqual(session.stage, { at: "instruct", step: 1 });
});

test("record again opens the part again and keeps the others", () => {
  const session = walk(begin(open(2)), ...CAMERA, ...TAKE, { type: "again" });
  assert.deepEqual(session.stage, { at: "instruct", step: 0 });
  assert.deepEqual(session.steps, ["open", "open"]);
});

test("an interruption in any part of a take asks for it again and records nothing", () => {
  for (const length of [1, 5, 6]) {
    const session = walk(begin(open(1)), ...CAMERA, ...TAKE.slice(0, length), {
      type: "interrupted",
      why: "hidden",
    });
    assert.deepEqual(session.stage, { at: "interrupted", step: 0, why: "hidden" });
    assert.deepEqual(session.steps, ["open"]);
    assert.equal(walk(session, { type: "again" }).stage.at, "instruct");
  }
});

test("late timers and double taps change nothing", () => {
  const instruct = walk(begin(open(1)), ...CAMERA);
  for (const type of ["tick", "recording_started", "window_over", "saved", "next", "framed"] as const) {
    assert.equal(advance(instruct, { type }), instruct, type);
  }
  const counting = walk(instruct, { type: "begin" });
  assert.equal(advance(counting, { type: "begin" }), counting);
  const zero = walk(counting, { type: "tick" }, { type: "tick" }, { type: "tick" });
  assert.equal(advance(zero, { type: "tick" }), zero);
});

test("a part can be left out, with a way back", () => {
  const asked = walk(begin(open(2)), ...CAMERA, { type: "skip" });
  assert.equal(asked.stage.at, "skipping");
  assert.equal(walk(asked, { type: "skip_cancelled" }).stage.at, "instruct");
  const left = walk(asked, { type: "skip_saved" });
  assert.deepEqual(left.steps, ["skipped", "open"]);
  assert.deepEqual(left.stage, { at: "instruct", step: 1 });
});

test("a part chosen in the overview leads back there, recorded again or kept", () => {
  const overview = begin(["recorded", "recorded", "recorded"]);
  const chosen = advance(overview, { type: "choose", step: 1 });
  assert.deepEqual(chosen.stage, { at: "instruct", step: 1 });
  assert.equal(walk(chosen, { type: "keep" }).stage.at, "review");
  assert.deepEqual(walk(chosen, { type: "keep" }).steps, overview.steps);
  assert.equal(walk(chosen, ...TAKE, { type: "next" }).stage.at, "review");
});

test("a camera that fails in mid-session comes back to the part that waits for it", () => {
  const session = walk(begin(open(2)), ...CAMERA, ...TAKE, { type: "next" });
  const failed = advance(session, { type: "camera_failed", trouble: "busy" });
  assert.deepEqual(failed.stage, { at: "blocked", trouble: "busy", resume: 1 });
  assert.deepEqual(walk(failed, ...CAMERA).stage, { at: "instruct", step: 1 });
  const chosen = advance(begin(["recorded", "recorded"]), { type: "choose", step: 1 });
  assert.deepEqual(walk(chosen, ...CAMERA).stage, { at: "instruct", step: 1 });
  assert.equal(walk(chosen, ...CAMERA, ...TAKE, { type: "next" }).stage.at, "review");
});

test("a yes counts however late it comes", () => {
  const slow = walk(begin(open(1)), { type: "camera_asked" }, { type: "camera_slow" });
  assert.deepEqual(slow.stage, { at: "asking", slow: true, resume: null });
  assert.equal(advance(slow, { type: "camera_ready" }).stage.at, "framing");
  const given = advance(slow, { type: "camera_failed", trouble: "still" });
  assert.equal(advance(given, { type: "camera_ready" }).stage.at, "framing");
});

test("a camera that fails where nobody needs it changes nothing", () => {
  const replay = walk(begin(open(1)), ...CAMERA, ...TAKE);
  const asked = walk(begin(open(1)), ...CAMERA, { type: "skip" });
  for (const session of [replay, asked, begin(["recorded"])]) {
    for (const signal of [{ type: "camera_failed", trouble: "busy" }, { type: "camera_asked" }] as const) {
      assert.equal(advance(session, signal), session, session.stage.at);
    }
  }
});

test("every ending of a take has words of its own, blames nobody, and leads on", () => {
  const taking = walk(begin(open(1)), ...CAMERA, ...TAKE.slice(0, 5));
  const words = Object.values(ENDINGS).map((ending) => ending.words);
  assert.equal(new Set(words).size, words.length);
  for (const why of Object.keys(ENDINGS) as Ending[]) {
    const ended = advance(taking, { type: "interrupted", why });
    assert.deepEqual(walk(ended, { type: "again" }).stage, { at: "instruct", step: 0 });
    assert.equal(walk(ended, { type: "skip" }).stage.at, "skipping");
    assert.doesNotMatch(ENDINGS[why].words, /error|exception|invalid|failed/i);
  }
});

test("the next open part is searched onward, then from the start", () => {
  assert.equal(nextOpen(["open", "recorded", "open"], 1), 2);
  assert.equal(nextOpen(["open", "recorded", "recorded"], 1), 0);
  assert.equal(nextOpen(["recorded"], 0), null);
});

test("a recording that was discarded in the overview leaves its part open", () => {
  const overview = begin(["recorded", "recorded"]);
  assert.deepEqual(walk(overview, { type: "discarded", step: 1 }).steps, ["recorded", "open"]);
  const elsewhere = walk(overview, { type: "choose", step: 0 });
  assert.equal(walk(elsewhere, { type: "discarded", step: 1 }), elsewhere);
});
