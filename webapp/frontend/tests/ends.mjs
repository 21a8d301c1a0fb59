// Loaded before every test file: a file whose tests are done leaves nothing that keeps Node waiting.
import assert from "node:assert/strict";
import { after } from "node:test";

after(() => {
  const left = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout");
  assert.deepEqual(left, [], "a timer is still pending although the tests are done");
});
