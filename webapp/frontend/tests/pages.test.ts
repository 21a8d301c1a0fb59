// Live events, and what clinicians read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathOf, valueAt } from "../src/clinic/chart";
import { ago, intakeRows, signName, signValue } from "../src/clinic/words";
import { backoff, judge, refresher } from "../src/shared/live";

test("events are delivered once and in order; a gap is asked for", () => {
  assert.equal(judge(4, 5), "deliver");
  assert.equal(judge(5, 5), "ignore");
  assert.equal(judge(5, 3), "ignore");
  assert.equal(judge(5, 7), "gap");
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

test("figures read well", () => {
  assert.equal(signValue(null, "s"), "–");
  assert.equal(signValue(3, "count"), "3");
  assert.equal(signValue(0.00012, "x"), "1.20e-4");
  assert.equal(signName("mouth-open_var"), "Mouth open, variance");
  assert.equal(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:00Z")), "5 minutes ago");
  const rows = new Map(intakeRows({ age_years: 71, known_pd: false }));
  assert.deepEqual([rows.get("Age"), rows.get("Known Parkinson’s disease"), rows.get("Stroke")], ["71", "no", ""]);
});
