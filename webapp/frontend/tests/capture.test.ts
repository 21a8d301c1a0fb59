// Cues, containers, framing hints and help: the small decisions of the camera page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cueWord, momentAt } from "../src/record/cues";
import { type Box, hintOf, Steady } from "../src/record/framing";
import { browserOf, helpFor, troubleOf } from "../src/record/help";
import { pickMime } from "../src/record/mime";
import type { Cue } from "../src/shared/types";

const CUES: Cue[] = [
  { at: 1, kind: "make" },
  { at: 2.5, kind: "relax" },
  { at: 4, kind: "make" },
];

test("the cue that holds is the last one whose time has come", () => {
  assert.deepEqual(momentAt(CUES, 0.99), { kind: "rest", repetition: 0, index: -1 });
  assert.deepEqual(momentAt(CUES, 1), { kind: "make", repetition: 1, index: 0 });
  assert.deepEqual(momentAt(CUES, 3), { kind: "relax", repetition: 1, index: 1 });
  assert.deepEqual(momentAt(CUES, 9), { kind: "make", repetition: 2, index: 2 });
  assert.equal(cueWord({ cue: "Smile", repetitions: 3 }, momentAt(CUES, 1)), "Smile");
  assert.equal(cueWord({ cue: "Just look", repetitions: 0 }, momentAt([], 5)), "Just look");
});

test("MP4 comes first, webm where there is none, and never what failed before", () => {
  assert.match(pickMime(() => true), /^video\/mp4/);
  assert.match(pickMime((type) => type.includes("webm")), /^video\/webm/);
  const failed = new Set([pickMime(() => true)]);
  assert.notEqual(pickMime(() => true, failed), [...failed][0]);
  assert.equal(pickMime(() => false), "");
});

const FACE: Box = { x: 0.36, y: 0.3, w: 0.28, h: 0.4 };
const seen = (face: Partial<Box>, brightness = 0.5): string =>
  hintOf({ faces: [{ ...FACE, ...face }], brightness });

test("the hint names the one thing that matters most", () => {
  assert.equal(seen({}), "ok");
  assert.equal(seen({ h: 0.1 }), "too_far");
  assert.equal(seen({ h: 0.9 }), "too_near");
  assert.equal(seen({ x: 0.05 }), "off_centre");
  assert.equal(seen({}, 0.05), "too_dark");
  assert.equal(seen({}, 0.97), "too_bright");
  assert.equal(hintOf({ faces: [], brightness: 0.5 }), "no_face");
  assert.equal(hintOf({ faces: [FACE, FACE], brightness: 0.5 }), "several");
  assert.equal(hintOf({ faces: [FACE], brightness: 0.5 }, { ...FACE, x: 0.2 }), "moving");
});

test("without a face finder only the light is judged", () => {
  assert.equal(hintOf({ faces: null, brightness: 0.5 }), "ok");
  assert.equal(hintOf({ faces: null, brightness: 0.1 }), "too_dark");
});

test("a hint that lasts one picture is not shown", () => {
  const steady = new Steady(3);
  assert.equal(steady.feed("ok"), "ok");
  assert.equal(steady.feed("no_face"), "ok");
  assert.equal(steady.feed("ok"), "ok");
  steady.feed("no_face");
  steady.feed("no_face");
  assert.equal(steady.feed("no_face"), "no_face");
});

test("every camera error has help of its own for every browser", () => {
  const named = (name: string): Error => Object.assign(new Error(), { name });
  assert.equal(troubleOf(named("NotAllowedError")), "denied");
  assert.equal(troubleOf(named("NotFoundError")), "missing");
  assert.equal(troubleOf(named("NotReadableError")), "busy");
  assert.equal(troubleOf(named("Whatever")), "unknown");
  for (const browser of ["chrome", "edge", "firefox", "safari", "ios", "other"] as const) {
    assert.ok(helpFor("denied", browser).steps.length >= 3, browser);
  }
  assert.equal(browserOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) CriOS/130"), "ios");
  assert.equal(browserOf("Mozilla/5.0 (X11) Chrome/130 Safari/537 Edg/130"), "edge");
  assert.equal(browserOf("Mozilla/5.0 (Macintosh) Version/18 Safari/605"), "safari");
  assert.equal(browserOf("Mozilla/5.0 (X11; rv:140.0) Gecko Firefox/140.0"), "firefox");
});
