// What the network lets through: smaller pieces, another method; and a picture that stands still.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Road, SMALLEST } from "../src/record/road";
import { type Look, Stillness } from "../src/record/stillness";
import { ApiError } from "../src/shared/api";

const foreign = (status: number): ApiError => new ApiError(status, "intercepted", "");
const ours = (status: number, code: string): ApiError => new ApiError(status, code, "");

test("a piece that is too large is halved, down to a floor", () => {
  const road = new Road();
  const before = road.chunkBytes;
  assert.equal(road.learn(foreign(413)), true);
  assert.equal(road.chunkBytes, before / 2);
  assert.equal(road.learn(ours(413, "chunk_too_large")), true);
  while (road.learn(foreign(413)));
  assert.equal(road.chunkBytes, SMALLEST);
});

test("a recording that is too large as a whole is not cut into pieces for it", () => {
  const road = new Road();
  const before = road.chunkBytes;
  assert.equal(road.learn(ours(413, "too_large")), false);
  assert.equal(road.chunkBytes, before);
});

test("a method that is refused is replaced at once, the other one only after a pause", () => {
  for (const refusal of [ours(405, "method_not_allowed"), foreign(405), foreign(501), foreign(403)]) {
    const road = new Road();
    assert.equal(road.learn(refusal), true);
    assert.equal(road.asPost, true);
    assert.equal(road.learn(refusal), false);
    assert.equal(road.asPost, false);
    road.worked();
    assert.equal(road.learn(refusal), true);
  }
});

test("pieces without an answer become smaller and change their method, with pauses", () => {
  const road = new Road();
  const before = road.chunkBytes;
  const none = new ApiError(0, "offline", "");
  assert.equal(road.learn(none), false);
  assert.deepEqual([road.chunkBytes, road.asPost], [before, false]);
  assert.equal(road.learn(none), false);
  assert.deepEqual([road.chunkBytes, road.asPost], [before / 2, true]);
});

test("what our own server says of a recording teaches nothing of the road", () => {
  const road = new Road();
  for (const error of [ours(404, "not_found"), ours(409, "wrong_offset"), ours(503, "busy")]) {
    assert.equal(road.learn(error), false);
  }
  assert.deepEqual([road.asPost, road.chunkBytes], [false, new Road().chunkBytes]);
});

const look = (frames: number | null, ...points: number[]): Look => ({
  frames,
  points: points.length ? Uint8ClampedArray.from(points) : null,
});

test("a picture that repeats itself stands still, also while frames come", () => {
  const stillness = new Stillness();
  const counts = [look(1, 5, 5), look(2, 5, 5), look(3, 5, 5), look(3, 5, 6), look(4, 5, 6)];
  assert.deepEqual(counts.map((one) => stillness.feed(one)), [0, 1, 2, 0, 1]);
});

test("frames are asked only where no point of the picture can be read", () => {
  const stillness = new Stillness();
  assert.deepEqual([look(1), look(1), look(2)].map((one) => stillness.feed(one)), [0, 1, 0]);
  assert.deepEqual([look(null), look(null)].map((one) => new Stillness().feed(one)), [0, 0]);
  const blind = new Stillness();
  assert.deepEqual([look(null), look(null)].map((one) => blind.feed(one)), [0, 0]);
});
