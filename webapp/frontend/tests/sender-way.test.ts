// The way of a take from its first piece to the server's yes, and each other end that it can have.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { NOT_READABLE } from "../src/record/sending";
import { clinic, clip, willing } from "./clinic";
import { announced, finished, locks, page, refusal, tab, turn, until } from "./stand-ins";
import { bytes, take } from "./takes";

test("a take is sent while it is recorded, and leaves once the server has said yes", async () => {
  const { outbox, sender, told, phases } = await tab("whole-way");
  const running = take();
  const sent: unknown[] = [];
  page.answer = (path, { body }) => willing(path, sent, body);
  await sender.begin(running);
  assert.deepEqual(sender.statusOf("st"), {
    ...{ take: running.id, step: "st", phase: "sending", sent: 0, total: null },
    ...{ words: "", safe: true },
  });
  const large = new Uint8Array(70_000).fill(7).buffer;
  await sender.chunk(running.id, 0, large);
  await until(() => clinic.got.length === 70_000 && told.some(([{ sent }]) => sent === 70_000));
  assert.ok(told.every(([{ total, phase }]) => total === null && phase === "sending"));
  assert.equal((await outbox.get(running.id))?.clip, "c1");
  await sender.chunk(running.id, 1, bytes(1, 2, 3));
  assert.equal((await outbox.chunks(running.id)).length, 2);
  await sender.finish(running.id, announced);
  await until(() => phases.at(-1) === "confirmed");
  const whole = Buffer.concat([Buffer.from(large), Buffer.from([1, 2, 3])]);
  assert.deepEqual(clinic.got, whole);
  const sha256 = createHash("sha256").update(whole).digest("hex");
  assert.deepEqual(sent, ["/up/1/complete/", { size: 70_003, sha256, announced }]);
  const length = { sent: 70_003, total: 70_003 };
  const { words, safe, ...last } = told.at(-1)?.[0] ?? {};
  assert.deepEqual(last, { take: running.id, step: "st", phase: "confirmed", ...length });
  assert.deepEqual([words, safe, told.at(-1)?.[1]], ["", true, clip]);
  assert.ok(told.slice(0, -1).every(([, clip]) => clip === null));
  assert.deepEqual(phases, ["sending", "confirmed"]);
  assert.deepEqual([await outbox.takes("7"), await outbox.chunks(running.id)], [[], []]);
  assert.deepEqual([sender.unsent(), sender.statusOf("st"), locks.isHeld(running.id)], [[], null, false]);
  assert.equal(clinic.created, 1);
});

test("what an earlier page left is sent whole, and how much of it there is, is said", async () => {
  const { outbox, sender, told, phases } = await tab("left");
  const left = finished({ clip: "c1" });
  await outbox.put(left);
  for (const n of [0, 1]) await outbox.addChunk(left.id, n, bytes(n, n, n));
  page.answer = (path, { body }) => willing(path, [], body);
  await sender.resume("7");
  await until(() => phases.at(-1) === "confirmed");
  assert.deepEqual([...clinic.got], [0, 0, 0, 1, 1, 1]);
  assert.ok(told.some(([{ phase, total }]) => phase === "sending" && total === 6));
  assert.ok(page.asked.every((path) => path.endsWith("/complete/")), "its clip is known");
});

test("a take that is given up under way is forgotten on both sides", async () => {
  const { outbox, sender, phases, told } = await tab("given-up-under-way");
  const running = take();
  page.answer = (path) => willing(path);
  await sender.begin(running);
  await sender.chunk(running.id, 0, new Uint8Array(70_000).buffer);
  await until(() => clinic.got.length === 70_000);
  assert.ok(locks.isHeld(running.id));
  await sender.drop(running.id);
  await until(() => clinic.forgotten === 1);
  assert.deepEqual([phases.at(-1), sender.unsent(), locks.isHeld(running.id)], ["dropped", [], false]);
  const heard = told.length;
  // Whatever the recorder still says of it is of nothing.
  await sender.chunk(running.id, 1, bytes(1));
  await sender.finish(running.id, announced);
  await turn();
  assert.deepEqual([told.length, await outbox.takes("7"), await outbox.chunks(running.id)], [heard, [], []]);
});

test("a take that waits is given up at once", async () => {
  const { outbox, sender, phases } = await tab("given-up-waiting");
  page.isHurried = false;
  for (const retryAfter of [{}, { "Retry-After": "40" }]) {
    const kept = finished();
    await outbox.put(kept);
    page.answer = () => refusal(503, retryAfter);
    const before = page.pauses.length;
    await sender.resume("7");
    await until(() => page.pauses.length > before);
    const asks = page.asked.length;
    await sender.drop(kept.id);
    await turn();
    assert.deepEqual([phases.at(-1), page.asked.length, sender.unsent()], ["dropped", asks, []]);
  }
});

test("a clip that has arrived already is not sent again", async () => {
  const { outbox, sender, phases, told } = await tab("arrived");
  const kept = finished({ clip: "c1", uploadUrl: `${location.href}up/9/` });
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  clinic.server.removeAllListeners("request");
  clinic.server.on("request", (_, response) => {
    response.writeHead(409, { "Tus-Resumable": "1.0.0" }).end();
  });
  page.answer = () => Response.json({ ...clip, state: "measured" });
  await sender.resume("7");
  await until(() => phases.at(-1) === "confirmed");
  assert.deepEqual(page.asked, ["/api/v1/clips/c1/"]);
  assert.equal(told.at(-1)?.[1]?.state, "measured");
  assert.deepEqual([await outbox.takes("7"), sender.unsent(), locks.isHeld(kept.id)], [[], [], false]);
});

test("bytes that were damaged on the way are sent anew, three times", async () => {
  const { outbox, sender, phases, told } = await tab("damaged");
  const kept = finished();
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
  page.answer = (path) =>
    path.endsWith("/complete/") ? refusal(422, {}, "hash_mismatch") : willing(path);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(clinic.created, 4);
  assert.equal(told.at(-1)?.[0].words, "No.");
  assert.equal((await outbox.chunks(kept.id)).length, 1);
  assert.equal((await outbox.get(kept.id))?.clip, "c1", "the clip is the same one");
  assert.deepEqual(page.pauses, [], "nothing is waited for");
});

for (const [status, code] of [
  [401, "not_logged_in"],
  [403, "permission_denied"],
] as const) {
  test(`who is signed out is told so, and asked again in a minute (${status})`, async () => {
    const { outbox, sender, phases } = await tab(`out-${status}`);
    const kept = finished();
    await outbox.put(kept);
    await outbox.addChunk(kept.id, 0, bytes(1));
    page.answer = (path, { body }) =>
      page.asked.length <= 2 ? refusal(status, {}, code) : willing(path, [], body);
    await sender.resume("7");
    await until(() => phases.at(-1) === "confirmed");
    assert.deepEqual(phases, ["sending", "signed_out", "sending", "confirmed"]);
    assert.deepEqual(page.pauses, [60_000, 60_000]);
  });
}

test("a refusal of another kind is no signing out", async () => {
  const { outbox, sender, phases, told } = await tab("forbidden");
  await outbox.put(finished());
  page.answer = () => refusal(403, {}, "not_allowed");
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.deepEqual([page.asked.length, told.at(-1)?.[0].words], [1, "No."]);
});

test("pauses grow, and begin anew when the connection or the person comes back", async () => {
  const { outbox, sender, phases } = await tab("hurry");
  await outbox.put(finished());
  page.answer = () => refusal(page.asked.length > 12 ? 422 : 503);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.ok(page.pauses.slice(3).every((pause) => pause >= 2_000), `${page.pauses}`);
  assert.equal(page.pauses.length, 12);

  page.isHurried = false;
  page.asked = [];
  page.pauses = [];
  const [one] = sender.unsent();
  sender.retry(one?.take ?? "");
  for (const [n, event] of ["online", "pageshow", "focus", "online", "focus"].entries()) {
    await until(() => page.pauses.length === n + 1);
    await turn();
    assert.equal(page.asked.length, n + 1, "nothing is asked before");
    page.heard.get(event)?.();
  }
  await until(() => page.pauses.length === 6);
  assert.ok(page.pauses.every((pause) => pause < 1_250 * 2), `${page.pauses}`);
  assert.equal(phases.at(-1), "waiting");
});

test("only what was refused is tried once more by hand", async () => {
  const { outbox, sender, phases, told } = await tab("by-hand");
  page.isHurried = false;
  const kept = finished();
  await outbox.put(kept);
  page.answer = () => refusal(503);
  await sender.resume("7");
  await until(() => page.pauses.length === 1);
  sender.retry(kept.id);
  sender.retry("nothing");
  await turn();
  assert.deepEqual([page.asked.length, phases.at(-1), sender.unsent().length], [1, "waiting", 1]);
  assert.deepEqual(sender.underway().map(({ phase }) => phase), ["waiting"]);
  page.answer = () => refusal(422);
  page.heard.get("online")?.();
  await until(() => phases.at(-1) === "refused");
  assert.deepEqual([sender.underway(), sender.unsent().length], [[], 1]);
  page.answer = silence;
  sender.retry(kept.id);
  assert.deepEqual([told.at(-1)?.[0].phase, told.at(-1)?.[0].words], ["sending", ""]);
});

const silence = (): Promise<Response> => new Promise(() => undefined);

test("a take that cannot be read says so, and may be tried again", async (t) => {
  const { outbox, sender, phases, told } = await tab("unreadable");
  const kept = finished();
  await outbox.put(kept);
  const broken = t.mock.method(outbox, "get", () => Promise.reject(new Error("damaged")));
  assert.deepEqual(await sender.resume("7"), []);
  const status = sender.statusOf("st");
  assert.deepEqual([status?.phase, status?.words], ["refused", NOT_READABLE]);
  assert.deepEqual([told.at(-1), locks.isHeld(kept.id)], [[status, null], false]);
  broken.mock.restore();
  page.answer = silence;
  sender.retry(kept.id);
  await until(() => phases.at(-1) === "sending");
  assert.deepEqual(sender.unsent().map(({ phase }) => phase), ["sending"]);
});

test("what another tab ends is told of here", async () => {
  const [first, second] = [await tab("ended"), await tab("ended")];
  const kept = finished();
  await first.outbox.put(kept);
  await first.sender.resume("7");
  await second.sender.resume("7");
  assert.deepEqual(second.sender.statusOf("st"), {
    ...{ take: kept.id, step: "st", phase: "elsewhere", sent: 0, total: null },
    ...{ words: "", safe: true },
  });
  await first.sender.drop(kept.id);
  await until(() => second.phases.at(-1) === "dropped");
  await until(() => !locks.isHeld(kept.id));
  assert.deepEqual([second.sender.unsent(), second.told.length], [[], 1]);
});

test("a page does not take its own take for another page's", async () => {
  const { sender } = await tab("own");
  const running = take();
  await sender.begin(running);
  assert.deepEqual(await sender.resume("7"), []);
  assert.deepEqual(sender.unsent().map(({ phase }) => phase), ["sending"]);
  const again = take({ step: "other" });
  await sender.begin(again);
  const newer = take();
  await sender.begin(newer);
  assert.equal(sender.statusOf("st")?.take, newer.id);
  assert.equal(sender.statusOf("none"), null);
});

test("without a lock nothing is written that another page would take up", async (t) => {
  const { outbox, sender } = await tab("no-lock");
  t.mock.method(locks, "request", () => Promise.reject(new Error("no locks here")));
  const running = take();
  await sender.begin(running);
  await sender.chunk(running.id, 0, bytes(1));
  assert.equal(sender.statusOf("st")?.safe, false);
  assert.deepEqual([await outbox.takes("7"), await outbox.chunks(running.id)], [[], []]);
  await sender.drop(running.id);
});

test("a take that the device does not write is sent all the same", async (t) => {
  const { outbox, sender, phases, told } = await tab("unwritten");
  t.mock.method(outbox, "change", () => Promise.resolve(false));
  const running = take();
  page.answer = (path, { body }) => willing(path, [], body);
  await sender.begin(running);
  await until(() => told.some(([{ safe }]) => !safe));
  assert.deepEqual(await outbox.takes("7"), []);
  await sender.chunk(running.id, 0, bytes(1, 2));
  await sender.finish(running.id, announced);
  await until(() => phases.at(-1) === "confirmed");
  assert.deepEqual([...clinic.got], [1, 2]);
});
