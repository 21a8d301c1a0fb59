// Live events, and what clinicians read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyTo, pathOf, valueAt } from "../src/clinic/chart";
import { ago, intakeRows, signValue } from "../src/clinic/words";
import { leadOf, lineOf as overviewLineOf } from "../src/record/review";
import { type Phase, sendingWords, type Status, statusLine } from "../src/record/sending";
import { lineOf, withdrawnWords } from "../src/screening/words";
import type { Clip, Step } from "../src/shared/types";
import { judge as judgeIdle } from "../src/shared/idle";
import { backoff, judge, refresher } from "../src/shared/live";
import { verdictOf } from "../src/shared/passwords";
import { strengthOf } from "../src/strength";

test("events are delivered once and in order; a gap is asked for", () => {
  assert.equal(judge(4, 5), "deliver");
  assert.equal(judge(5, 5), "ignore");
  assert.equal(judge(5, 3), "ignore");
  assert.equal(judge(5, 7), "gap");
});

test("who does nothing is warned before the end, however short the time", () => {
  const half = 30 * 60_000;
  assert.equal(judgeIdle(half - 130_000, 0, half), "here");
  assert.equal(judgeIdle(half - 110_000, 0, half), "warn");
  assert.equal(judgeIdle(half, 0, half), "over");
  assert.equal(judgeIdle(20_000, 0, 60_000), "here");
  assert.equal(judgeIdle(31_000, 0, 60_000), "warn");
});

test("reconnecting backs off, and never for longer than a quarter of a minute and a bit", () => {
  assert.ok(backoff(0, 0.5) < backoff(3, 0.5));
  assert.ok(backoff(50, 1) <= 15_000 * 1.25);
});

test("calls that arrive while one runs become exactly one more", async () => {
  let runs = 0;
  let release: () => void = () => undefined;
  const refresh = refresher(async () => {
    runs += 1;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  refresh();
  refresh();
  refresh();
  release();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(runs, 2);
  release();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(runs, 2);
});

test("a missing value lifts the pen of a curve", () => {
  const series = { t: [0, 1, 2, 3], values: [0, 1, null, 1] };
  const path = pathOf(series, (t) => t, (v) => v);
  assert.equal(path, "M0.0 0.0L1.0 1.0M3.0 1.0");
  assert.equal(valueAt(series, 1.04), 1);
  assert.equal(valueAt(series, 2), null);
  assert.equal(valueAt(series, 1.5), null);
});

test("keys move along a curve and stay on it", () => {
  assert.equal(keyTo("ArrowRight", 1, 4), 1.1);
  assert.equal(keyTo("ArrowLeft", 0.05, 4), 0);
  assert.equal(keyTo("PageUp", 3.5, 4), 4);
  assert.deepEqual([keyTo("Home", 2, 4), keyTo("End", 2, 4)], [0, 4]);
  assert.equal(keyTo("Tab", 2, 4), null);
});

test("figures read well", () => {
  assert.equal(signValue(null, "s"), "–");
  assert.equal(signValue(3, "count"), "3");
  assert.equal(signValue(0.00012, "x"), "1.20e-4");
  assert.equal(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:00Z")), "5 minutes ago");
  const rows = new Map(intakeRows({ age_years: 71, known_pd: false }, { age_years: "Age", known_pd: "Known PD", stroke: "Stroke" }));
  assert.deepEqual([rows.get("Age"), rows.get("Known PD"), rows.get("Stroke")], ["71", "no", ""]);
});

const clip = (state: Clip["state"]): Clip =>
  ({ id: "c", take: 1, state, reason: null, words: null, skip_reason: "" }) as Clip;
const step = (state: Clip["state"]): Step => ({ id: "st", title: "Smile", clip: clip(state) }) as Step;
const refused: Status = {
  take: "t",
  step: "st",
  phase: "refused",
  sent: 0,
  total: null,
  words: "This screening was taken back.",
  safe: true,
};

test("the overview counts the recordings that could not be used", () => {
  assert.match(leadOf(0), /^You can record any part/);
  assert.match(leadOf(1), /^One recording could not be used. You can record it again/);
  assert.match(leadOf(3), /^3 recordings could not be used. You can record them again/);
});

test("a recording that the server refuses is said to be kept, on every page", () => {
  const words = `${refused.words} Your recording is safe on this device.`;
  for (const line of [overviewLineOf(step("expected"), refused), lineOf(clip("expected"), refused)]) {
    assert.deepEqual([line.label, line.words], ["not sent", words]);
  }
  assert.match(sendingWords([refused]) ?? "", /^1 recording was not sent/);
});

const OFFLINE = "There is no connection at the moment.";
const at = (phase: Phase, fields: Partial<Status> = {}): Status => ({ ...refused, words: OFFLINE, phase, ...fields });

test("words say what is so: nothing is being sent while it waits, is elsewhere, or was given up", () => {
  assert.equal(sendingWords([]), null);
  assert.equal(sendingWords([at("dropped")]), null);
  assert.equal(sendingWords([at("confirmed")]), null);
  assert.equal(sendingWords([at("sending")]), "1 recording is being sent …");
  const waiting = `1 recording is waiting. ${OFFLINE} Your recording is safe on this device.`;
  assert.equal(sendingWords([at("waiting")]), waiting);
  assert.equal(sendingWords([at("waiting"), refused]), waiting);
  for (const phase of ["waiting", "signed_out", "elsewhere", "refused"] as const) {
    assert.doesNotMatch(sendingWords([at(phase), at(phase)]) ?? "", /being sent/, phase);
    assert.doesNotMatch(statusLine(at(phase))?.label ?? "", /sending|sent$(?<!not sent)/, phase);
  }
  assert.match(sendingWords([at("elsewhere")]) ?? "", /another window/);
});

test("what only this window has is never called safe on the device", () => {
  for (const phase of ["sending", "waiting", "signed_out", "refused"] as const) {
    const held = at(phase, { safe: false });
    for (const words of [sendingWords([held]), statusLine(held)?.words]) {
      assert.match(words ?? "", /keep this page open/, phase);
      assert.doesNotMatch(words ?? "", /safe on this device/, phase);
    }
  }
});

test("a part that was begun elsewhere is not said to be on its way", () => {
  assert.equal(overviewLineOf(step("uploading"), null).label, "missing");
  assert.equal(lineOf(clip("uploading"), null).label, "not here yet");
});

test("a screening that was taken back is not said to be unmeasured when it was", () => {
  assert.match(withdrawnWords({ released_at: null, steps: [step("received")] }), /is not measured/);
  const measured = [step("skipped"), step("measured")];
  assert.match(withdrawnWords({ released_at: null, steps: measured }), /was measured before/);
  const released = { released_at: "2026-01-01T00:00:00Z", steps: measured };
  assert.match(withdrawnWords(released), /was released before/);
});

test("a new password is judged in words, by the site's own length first", () => {
  assert.equal(verdictOf("", 0), "");
  assert.equal(verdictOf("elevenchars", 4), "1 character more");
  assert.equal(verdictOf("a           b", 2), "9 characters more");
  assert.equal(verdictOf("Password1234", strengthOf("Password1234")), "Easy to guess");
  assert.equal(verdictOf("parkinson2026", strengthOf("parkinson2026")), "Easy to guess");
  const good = "tram otter window sings";
  assert.equal(verdictOf(good, strengthOf(good)), "Very good");
});
