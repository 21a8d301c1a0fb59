// What the sender asks and says from one try to the next, and of a take that is given up meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clinic, clip, willing } from "./clinic";
import { finished, page, refusal, tab, turn, until } from "./stand-ins";
import { bytes, take } from "./takes";

const isComplete = (path: string): boolean => path.endsWith("/complete/");

test("only of a conflict it is asked whether the take has arrived already", async () => {
  const { outbox, sender, phases } = await tab("asked-for");
  const kept = finished({ clip: "c1" });
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  const failures = [refusal(503), refusal(422, {}, "hash_mismatch"), refusal(401), refusal(409)];
  page.answer = (path) => {
    const failure = isComplete(path) ? failures.shift() : undefined;
    return failure ?? (path.endsWith("/clips/c1/") ? Response.json(clip) : willing(path));
  };
  await sender.resume("7");
  await until(() => phases.at(-1) === "confirmed");
  assert.deepEqual(failures, []);
  // Four failures, of which the last one was the conflict: then one question, and no more sending.
  assert.deepEqual(page.asked.map((path) => path.split("/").at(-2)), [
    ...Array(4).fill("complete"),
    "c1",
  ]);
});

test("what stands still is said to wait, however often it is tried", async () => {
  const { outbox, sender, told, phases } = await tab("still");
  const kept = finished();
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  let tries = 0;
  page.answer = (path, { body }) => {
    if (isComplete(path) && ++tries <= 8) return refusal(503);
    return willing(path, [], body);
  };
  await sender.resume("7");
  await until(() => phases.at(-1) === "confirmed");
  assert.deepEqual(phases, ["sending", "waiting", "confirmed"]);
  // Nothing moved, so the pauses went on growing.
  assert.equal(page.pauses.length, 8);
  assert.ok(page.pauses.slice(4).every((pause) => pause >= 3_750), `${page.pauses}`);
  const waiting = told.filter(([{ phase }]) => phase === "waiting");
  assert.ok(waiting.every(([{ sent, total }]) => sent === 3 && total === 3));
});

test("once something has moved, the pauses begin anew", async () => {
  const { outbox, sender, phases } = await tab("moved");
  const kept = finished({ clip: "c1" });
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  clinic.busy = 6;
  page.answer = (path, { body }) =>
    page.asked.length === 1 ? refusal(503) : willing(path, [], body);
  await sender.resume("7");
  await until(() => phases.at(-1) === "confirmed");
  const [last = 0, afterwards = 0] = page.pauses.slice(5);
  assert.equal(page.pauses.length, 7);
  assert.ok(last >= 3_750 && afterwards <= 1_250, `${page.pauses}`);
});

test("of an upload that begins anew nothing counts as sent", async () => {
  const { outbox, sender, told, phases } = await tab("anew");
  const kept = finished({ clip: "c1" });
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  let isDamaged = true;
  page.answer = (path, { body }) => {
    if (!isDamaged) return willing(path, [], body);
    isDamaged = false;
    clinic.busy = 1;
    return refusal(422, {}, "hash_mismatch");
  };
  await sender.resume("7");
  await until(() => phases.at(-1) === "confirmed");
  assert.deepEqual(phases, ["sending", "waiting", "sending", "confirmed"]);
  const waiting = told.filter(([{ phase }]) => phase === "waiting");
  assert.ok(waiting.every(([{ sent }]) => sent === 0));
});

test("a take that is given up while its clip is asked for is not sent", async () => {
  const { outbox, sender, phases } = await tab("given-up-asking");
  const running = take();
  let answer = (_: Response): void => undefined;
  page.answer = () => new Promise((resolve) => (answer = resolve));
  await sender.begin(running);
  await until(() => page.asked.length === 1);
  await sender.drop(running.id);
  answer(willing(""));
  for (let n = 0; n < 20; n += 1) await turn();
  assert.deepEqual([clinic.created, phases], [0, ["sending", "dropped"]]);
  assert.equal(await outbox.get(running.id), undefined);
});

for (const [name, late] of [
  ["yes", () => Response.json(clip)],
  ["conflict", () => refusal(409)],
  ["wait", () => refusal(503)],
] as const) {
  test(`the server's last word on a take that was given up is of nothing (${name})`, async () => {
    const { outbox, sender, phases } = await tab(`late-${name}`);
    const kept = finished({ clip: "c1" });
    await outbox.put(kept);
    await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
    let answer = (_: Response): void => undefined;
    page.answer = () => new Promise((resolve) => (answer = resolve));
    await sender.resume("7");
    await until(() => page.asked.length === 1);
    await sender.drop(kept.id);
    answer(late());
    for (let n = 0; n < 20; n += 1) await turn();
    assert.deepEqual([phases, page.pauses], [["sending", "dropped"], []]);
    assert.equal(page.asked.length, 1);
    assert.deepEqual(sender.unsent(), []);
  });
}

test("a take that is given up as its last byte arrives is not handed in", async (t) => {
  const { outbox, sender, phases } = await tab("given-up-last");
  const kept = finished({ clip: "c1" });
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  let written = (): void => undefined;
  t.mock.method(outbox, "change", () => {
    // The upload's address, once every byte is there: the last thing before the take is handed in.
    if (clinic.got.length < 3) return Promise.resolve(true);
    return new Promise<boolean>((resolve) => (written = () => resolve(true)));
  });
  await sender.resume("7");
  await until(() => sender.unsent()[0]?.sent === 3);
  await sender.drop(kept.id);
  written();
  for (let n = 0; n < 20; n += 1) await turn();
  assert.deepEqual([page.asked, phases], [[], ["sending", "dropped"]]);
});
