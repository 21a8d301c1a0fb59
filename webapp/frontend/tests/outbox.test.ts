// The outbox on a real (in-memory) IndexedDB, and the growing source that uploads read from.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test } from "node:test";
import { openDB } from "idb";
import { Outbox, type Take } from "../src/record/outbox";
import { GrowingSource, sha256Hex } from "../src/record/source";
import { bytes, take as aTake } from "./takes";

const take = (fields: Partial<Take> = {}): Take => aTake({ id: "take-1", ...fields });
const numbers = async (blob: Blob | null): Promise<number[]> =>
  blob ? [...new Uint8Array(await blob.arrayBuffer())] : [];

test("what was written is there after the page comes back, in order", async () => {
  const before = await Outbox.open("reload");
  await before.put(take());
  await before.addChunk("take-1", 1, bytes(3, 4));
  await before.addChunk("take-1", 0, bytes(1, 2));
  await before.change("take-1", { state: "finished" });
  const after = await Outbox.open("reload");
  assert.equal((await after.takes("7"))[0]?.state, "finished");
  const chunks = await after.chunks("take-1");
  assert.deepEqual(chunks.map((chunk) => [...new Uint8Array(chunk)]), [[1, 2], [3, 4]]);
});

test("nobody sees another person's takes, and removing takes the chunks along", async () => {
  const outbox = await Outbox.open("people");
  await outbox.put(take());
  await outbox.put(take({ id: "take-2", user: "8" }));
  await outbox.addChunk("take-1", 0, bytes(1));
  await outbox.addChunk("take-2", 0, bytes(2));
  assert.deepEqual((await outbox.takes("8")).map((one) => one.id), ["take-2"]);
  await outbox.remove("take-1");
  assert.deepEqual(await outbox.chunks("take-1"), []);
  assert.equal((await outbox.chunks("take-2")).length, 1);
});

test("a change to a take that was confirmed meanwhile brings no ghost back", async () => {
  const outbox = await Outbox.open("ghost");
  await outbox.put(take());
  await outbox.remove("take-1");
  await outbox.change("take-1", { uploadUrl: "/x" });
  assert.deepEqual(await outbox.takes("7"), []);
});

test("no take is too old to be kept: a device's clock can be weeks off", async () => {
  const outbox = await Outbox.open("old");
  await outbox.put(take({ createdAt: 0 }));
  await outbox.addChunk("take-1", 0, bytes(1));
  assert.deepEqual((await outbox.takes("7")).map((one) => one.id), ["take-1"]);
  assert.equal((await outbox.chunks("take-1")).length, 1);
});

/** A connection that is upgrading the database, and is not done until told: others wait for it. */
async function upgrading(name: string): Promise<() => void> {
  let isDone = false;
  await new Promise<void>((resolve) => {
    const request = indexedDB.open(name, 1);
    request.onsuccess = () => request.result.close();
    request.onupgradeneeded = () => {
      request.result.createObjectStore("takes", { keyPath: "id" });
      const store = request.result.createObjectStore("chunks");
      const stay = (): void => {
        if (!isDone) store.count().onsuccess = stay;
      };
      stay();
      resolve();
    };
  });
  return () => {
    isDone = true;
  };
}

test("storage that does not answer is waited for within limits, and used once it does", async () => {
  const end = await upgrading("silent");
  let change = (): void => undefined;
  const outbox = await Outbox.open("silent", () => change(), 20);
  assert.equal(outbox.trouble, "silent");
  assert.equal(await outbox.put(take()), false);
  await assert.rejects(outbox.takes("7"), { name: "StorageError", trouble: "silent" });
  const changed = new Promise<void>((resolve) => {
    change = resolve;
  });
  end();
  await changed;
  assert.equal(outbox.trouble, null);
  assert.equal(await outbox.put(take()), true);
  assert.equal((await outbox.takes("7")).length, 1);
});

test("chunks without a take are neither written nor kept", async () => {
  const outbox = await Outbox.open("stray");
  await outbox.put(take());
  await outbox.put(take({ id: "take-2" }));
  await outbox.addChunk("take-1", 0, bytes(1));
  await outbox.addChunk("take-2", 0, bytes(2));
  await (await openDB("stray", 1)).delete("takes", "take-1");
  await outbox.takes("7");
  assert.deepEqual(await outbox.chunks("take-1"), []);
  assert.equal((await outbox.chunks("take-2")).length, 1);
  await outbox.addChunk("take-1", 1, bytes(3));
  assert.deepEqual(await outbox.chunks("take-1"), []);
});

test("a reader waits for more of a running recording, and learns of its end", async () => {
  const source = new GrowingSource(1);
  source.push(bytes(1, 2, 3));
  source.push(bytes());
  const first = await source.slice(0, 100);
  assert.deepEqual([await numbers(first.value), first.done], [[1, 2, 3], false]);
  const waiting = source.slice(3, 100);
  source.push(bytes(4, 5));
  assert.deepEqual(await numbers((await waiting).value), [4, 5]);
  const last = source.slice(5, 100);
  source.finish();
  assert.deepEqual(await last, { value: null, done: true });
});

test("an upload resumes from any offset, across pieces", async () => {
  const source = new GrowingSource();
  source.push(bytes(1, 2, 3));
  source.push(bytes(4, 5, 6));
  source.finish();
  const middle = await source.slice(2, 5);
  assert.deepEqual([await numbers(middle.value), middle.done], [[3, 4, 5], false]);
  const rest = await source.slice(4, 100);
  assert.deepEqual([await numbers(rest.value), rest.done], [[5, 6], true]);
});

test("the digest is that of the whole recording", async () => {
  const source = new GrowingSource();
  for (const letter of "abc") source.push(new TextEncoder().encode(letter).buffer as ArrayBuffer);
  source.finish();
  assert.equal(
    await sha256Hex(await source.whole()),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
