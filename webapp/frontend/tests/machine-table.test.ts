// The recording session as one table: every stage × every signal. What does not stand in it changes
// nothing, to the very same object.
import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, COUNTDOWN, type Progress, type Session, type Signal, type Stage } from "../src/record/machine";

const STEPS: Progress[] = ["recorded", "open", "open"];
const at = (stage: Stage, fields: Partial<Session> = {}): Session => ({
  steps: STEPS,
  stage,
  fromReview: false,
  ...fields,
});

const STAGES: Stage[] = [
  { at: "welcome" },
  { at: "asking", slow: false, resume: null },
  { at: "asking", slow: true, resume: 2 },
  { at: "blocked", trouble: "busy", resume: null },
  { at: "blocked", trouble: "denied", resume: 2 },
  { at: "framing", resume: null },
  { at: "framing", resume: 2 },
  { at: "instruct", step: 1 },
  { at: "countdown", step: 1, left: 2 },
  { at: "countdown", step: 1, left: 0 },
  { at: "recording", step: 1 },
  { at: "saving", step: 1 },
  { at: "replay", step: 1 },
  { at: "interrupted", step: 1, why: "hidden" },
  { at: "skipping", step: 1 },
  { at: "review" },
];
const name = (stage: Stage): string => {
  const { at: where, ...more } = stage;
  return [where, ...Object.values(more)].join(" ");
};

const blocked = (resume: number | null): Stage => ({ at: "blocked", trouble: "missing", resume });
const asking = (resume: number | null): Stage => ({ at: "asking", slow: false, resume });
/** Wherever the camera's picture is on the screen or on its way there: the step that waits for it. */
const WAITING: Record<string, number | null> = {
  welcome: null,
  "asking false ": null,
  "asking true 2": 2,
  "blocked busy ": null,
  "blocked denied 2": 2,
  "framing ": null,
  "framing 2": 2,
  "instruct 1": 1,
  "countdown 1 2": 1,
  "countdown 1 0": 1,
};
const cameras = (to: (resume: number | null) => Stage): Record<string, Stage> =>
  Object.fromEntries(Object.entries(WAITING).map(([stage, resume]) => [stage, to(resume)]));
const why = "ended";
const ended: Stage = { at: "interrupted", step: 1, why };

/** Signal → stage → the stage after it. */
const TABLE: [Signal, Record<string, Stage>][] = [
  [{ type: "camera_asked" }, cameras(asking)],
  [{ type: "camera_failed", trouble: "missing" }, cameras(blocked)],
  [
    { type: "camera_slow" },
    {
      "asking false ": { at: "asking", slow: true, resume: null },
      "asking true 2": { at: "asking", slow: true, resume: 2 },
    },
  ],
  [
    { type: "camera_ready" },
    {
      "asking false ": { at: "framing", resume: null },
      "asking true 2": { at: "framing", resume: 2 },
      "blocked busy ": { at: "framing", resume: null },
      "blocked denied 2": { at: "framing", resume: 2 },
    },
  ],
  [
    { type: "framed" },
    { "framing ": { at: "instruct", step: 1 }, "framing 2": { at: "instruct", step: 2 } },
  ],
  [{ type: "begin" }, { "instruct 1": { at: "countdown", step: 1, left: COUNTDOWN } }],
  [{ type: "tick" }, { "countdown 1 2": { at: "countdown", step: 1, left: 1 } }],
  [
    { type: "recording_started" },
    { "countdown 1 2": { at: "recording", step: 1 }, "countdown 1 0": { at: "recording", step: 1 } },
  ],
  [{ type: "window_over" }, { "recording 1": { at: "saving", step: 1 } }],
  [{ type: "saved" }, { "saving 1": { at: "replay", step: 1 } }],
  [
    { type: "interrupted", why },
    { "countdown 1 2": ended, "countdown 1 0": ended, "recording 1": ended, "saving 1": ended },
  ],
  [
    { type: "again" },
    { "replay 1": { at: "instruct", step: 1 }, "interrupted 1 hidden": { at: "instruct", step: 1 } },
  ],
  [{ type: "next" }, { "replay 1": { at: "instruct", step: 2 } }],
  [
    { type: "skip" },
    { "instruct 1": { at: "skipping", step: 1 }, "interrupted 1 hidden": { at: "skipping", step: 1 } },
  ],
  [{ type: "skip_cancelled" }, { "skipping 1": { at: "instruct", step: 1 } }],
  [{ type: "skip_saved" }, { "skipping 1": { at: "instruct", step: 2 } }],
  [{ type: "choose", step: 2 }, { review: { at: "instruct", step: 2 } }],
  [{ type: "choose", step: 3 }, {}],
  [{ type: "keep" }, {}],
  [{ type: "discarded", step: 0 }, { review: { at: "review" } }],
];

/** What a signal does to the parts, besides the screen. */
const PARTS: Partial<Record<Signal["type"], Progress[]>> = {
  saved: ["recorded", "recorded", "open"],
  again: ["recorded", "open", "open"],
  skip_saved: ["recorded", "skipped", "open"],
  discarded: ["open", "open", "open"],
};

for (const [signal, leads] of TABLE) {
  test(`${Object.values(signal).join(" ")} leads on from where it belongs, and nowhere else`, () => {
    const known = STAGES.map(name);
    assert.deepEqual(Object.keys(leads).filter((from) => !known.includes(from)), []);
    for (const stage of STAGES) {
      const before = at(stage);
      const after = advance(before, signal);
      const next = leads[name(stage)];
      if (!next) assert.equal(after, before, name(stage));
      else {
        const fromReview = signal.type === "choose";
        const steps = PARTS[signal.type] ?? STEPS;
        assert.deepEqual(after, { steps, stage: next, fromReview }, name(stage));
      }
    }
  });
}

test("a part that was chosen in the overview leads back there, once", () => {
  const chosen = { fromReview: true };
  const back = { steps: STEPS, stage: { at: "review" }, fromReview: false };
  assert.deepEqual(advance(at({ at: "instruct", step: 1 }, chosen), { type: "keep" }), back);
  assert.deepEqual(advance(at({ at: "replay", step: 1 }, chosen), { type: "next" }), back);
  for (const stage of STAGES) {
    if (stage.at === "instruct") continue;
    const before = at(stage, chosen);
    assert.equal(advance(before, { type: "keep" }), before, name(stage));
  }
});
