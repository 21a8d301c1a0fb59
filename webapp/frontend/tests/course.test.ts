import assert from "node:assert/strict";
import { test } from "node:test";
import { comparable, type Course, courseColumns, places, sessionColumns, widthOf, y } from "../src/shared/course";

const NUMBER = { mean: 70, sessions: 2, worth: 2, is_scattered: false, more: [18] };

function course(changes: Partial<Course> = {}): Course {
  const session = { screening: "a", medication_words: "", hours_since_dose: null, why_not: "" };
  const person = { hypomimia_index: { ...NUMBER, value: 70, low: 50, high: 90 } };
  return {
    sessions: [
      { ...session, at: "2026-11-25T10:00:00Z", medication: "on", counts: true, hypomimia_index: 60 },
      { ...session, at: "2026-11-26T10:00:00Z", medication: "on", counts: false, hypomimia_index: null },
    ],
    result: { groups: [{ medication: "on", sessions: ["a"], person, signs: [], change: null }] },
    courses: [],
    ...changes,
  } as unknown as Course;
}

test("each session is a column, and what they say together the last one", () => {
  const columns = sessionColumns(course());
  assert.deepEqual(columns.map((one) => one.value), [60, null, 70]);
  assert.deepEqual(columns.map((one) => one.faint ?? false), [false, true, false]);
  assert.deepEqual(columns[2]?.band, [50, 90]);
  assert.equal(columns[2]?.name, "together");
});

test("without a result there are the sessions alone", () => {
  assert.equal(sessionColumns(course({ result: null })).length, 2);
});

test("medication that is read apart has a column each", () => {
  const found = course();
  const [one] = found.result?.groups ?? [];
  if (one && found.result) found.result.groups.push({ ...one, medication: "off" });
  assert.deepEqual(sessionColumns(found).slice(2).map((column) => column.name), ["on", "off"]);
});

test("only courses by the same model and under the same medication are beside each other", () => {
  const point = { opened_at: "2026-10-01T10:00:00Z", model: "m 1", medication: "on", value: 50, mean: 52, low: null, high: 80 };
  const change = { first: 52, second: 70, low: 20, high: 85, is_shown: false };
  const found = course({
    courses: [
      { ...point, is_this: false, change: null },
      { ...point, model: "m 2", is_this: false, change: null },
      { ...point, medication: "off", is_this: false, change: null },
      { ...point, mean: 70, low: 40, is_this: true, change },
    ] as unknown as Course["courses"],
  });
  const columns = courseColumns(comparable(found));
  assert.deepEqual(columns.map((one) => one.value), [52, 70]);
  assert.deepEqual(columns.map((one) => one.band), [null, [40, 80]]);
  assert.deepEqual(columns.map((one) => one.unchanged), [null, [20, 85]]);
});

test("the columns stand side by side inside the picture, 100 above 0", () => {
  for (const count of [1, 2, 5, 12]) {
    const at = places(count);
    assert.ok(at.every((x, n) => n === 0 || x > (at[n - 1] ?? 0) + 40));
    assert.ok((at[0] ?? 0) > 34 && (at.at(-1) ?? 0) < widthOf(count) - 12);
  }
  assert.ok(y(100) < y(50) && y(50) < y(0));
});
