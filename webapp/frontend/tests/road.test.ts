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

/** Looks that come every ``pace`` ms, and for how long each one says that the picture stood still. */
function seen(pace: number, ...looks: Look[]): number[] {
  const stillness = new Stillness();
  return looks.map((one, n) => stillness.feed(one, n * pace));
}

test("a picture that repeats itself stands still, also while frames come", () => {
  const looks = [1, 2, 3, 4, 5].map((frame) => look(frame, 5, 5));
  assert.deepEqual(seen(250, ...looks, look(5, 5, 6), look(6, 5, 6)), [0, 0, 0, 750, 1000, 0, 0]);
});

test("looks that come late tell as much as their time, and few of them nothing", () => {
  const same = look(1, 5);
  assert.deepEqual(seen(900, same, same, same, same), [0, 0, 0, 2700]);
  assert.deepEqual(seen(4000, same, same, same), [0, 0, 0]);
});

test("frames are asked only where no point of the picture can be read", () => {
  assert.deepEqual(seen(500, look(1), look(1), look(1), look(1), look(2)), [0, 0, 0, 1500, 0]);
  const blind = look(null);
  assert.deepEqual(seen(500, blind, blind, blind, blind, blind), [0, 0, 0, 0, 0]);
});
