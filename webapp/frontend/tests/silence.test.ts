// The face finder's library is built in without its reporter, and an update of it is noticed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { foreign, silenced } from "../silence.mjs";

// Tests run in the front end's own folder (test.mjs).
const library = readFileSync("node_modules/@mediapipe/tasks-vision/vision_bundle.mjs", "utf8");

test("what is left of the library names no host", () => {
  assert.notDeepEqual(foreign(library), []);
  assert.deepEqual(foreign(silenced(library)), []);
});

test("a library that reports in another way is refused", () => {
  assert.throws(() => silenced(library.replace("6e4", "3e4")), /cut out/);
  assert.throws(() => silenced(library.replaceAll("odml.pa.", "other.")), /cut out/);
  assert.throws(() => silenced(silenced(library)), /cut out/);
});

test("an address in what we serve is found, in text and in a binary", () => {
  assert.deepEqual(foreign('fetch("https://example.org/log")'), ["https://example.org/log"]);
  assert.deepEqual(foreign("\0wss://example.org\0", true).length, 1);
  assert.deepEqual(foreign('"http://www.w3.org/2000/svg" and https://. alone'), []);
  const source = "see https://github.com/github/fetch/pull/92";
  assert.equal(foreign(source).length, 1);
  assert.equal(foreign(source, true).length, 0);
});
