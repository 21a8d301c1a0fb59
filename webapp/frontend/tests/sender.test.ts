// The sender between two tabs, a server that refuses, and a connection that stands still.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { arrived } from "../src/record/arrival";
import { Road } from "../src/record/road";
import { GrowingSource } from "../src/record/source";
import { type Parcel, Patience, transfer } from "../src/record/transfer";
import { announced, clinic, finished, locks, page, refusal, serve, tab, turn, until } from "./stand-ins";
import { bytes, take } from "./takes";

test("a tab leaves alone what another one is recording or sending", async () => {
  const [first, second] = [await tab("two"), await tab("two")];
  const [running, sent] = [take(), finished()];
  await first.sender.begin(running);
  await first.sender.chunk(running.id, 0, bytes(1));
  await first.outbox.put(sent);
  await first.sender.resume("7");
  assert.deepEqual(await second.sender.resume("7"), []);
  assert.deepEqual(second.sender.underway(), []);
  assert.deepEqual(second.sender.unsent().map(({ phase }) => phase), ["elsewhere", "elsewhere"]);
  await first.sender.chunk(running.id, 1, bytes(2));
  assert.equal((await first.outbox.chunks(running.id)).length, 2);
  assert.equal((await first.outbox.takes("7")).length, 2);
});

test("when the other tab closes, this one goes on with what it left", async () => {
  const [first, second] = [await tab("closed"), await tab("closed")];
  const left = finished();
  await first.outbox.put(left);
  await first.sender.resume("7");
  await second.sender.resume("7");
  assert.equal(second.sender.underway().length, 0);
  locks.closeTab();
  await until(() => second.sender.underway()[0]?.take === left.id);
});

test("a recording whose page died is told of once, and not kept", async () => {
  const { outbox, sender } = await tab("died");
  await outbox.put(take({ id: "dead" }));
  await outbox.addChunk("dead", 0, bytes(1));
  assert.deepEqual((await sender.resume("7")).map((one) => one.id), ["dead"]);
  assert.deepEqual([await outbox.takes("7"), await outbox.chunks("dead")], [[], []]);
});

test("an upload that is gone is never the end of the only copy", async () => {
  const { outbox, sender, phases } = await tab("gone");
  const kept = finished();
  await outbox.put(kept);
  await outbox.addChunk(kept.id, 0, bytes(1, 2));
  page.answer = () => refusal(404);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(page.asked.length, 6);
  assert.equal((await outbox.chunks(kept.id)).length, 1);
  assert.deepEqual([sender.unsent().length, sender.underway().length], [1, 0]);
  assert.match(sender.statusOf("st")?.words ?? "", /does not know this part/);
  sender.retry(kept.id);
  await until(() => page.asked.length === 12 && phases.at(-1) === "refused");
  await sender.drop(kept.id);
  assert.deepEqual([await outbox.takes("7"), sender.unsent()], [[], []]);
});

test("an hour without connection uses up no try for an upload that is gone", async () => {
  const { outbox, sender, phases } = await tab("hour");
  await outbox.put(finished());
  page.answer = () => refusal(page.asked.length <= 20 ? 503 : 404);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(page.asked.length, 26);
});

test("a wrong state that stays is refused after its own number of tries, and kept", async () => {
  const { outbox, sender, phases } = await tab("conflict");
  const kept = finished();
  await outbox.put(kept);
  page.answer = () => refusal(page.asked.length <= 20 ? 503 : 409);
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.equal(page.asked.length, 29);
  assert.ok(await outbox.get(kept.id));
});

for (const state of ["expected", "superseded"]) {
  test(`a take whose clip was replaced is sent to the one in its place, ${state}`, async () => {
    const { outbox, sender } = await tab(`replaced-${state}`);
    const kept = finished({ clip: "old", uploadUrl: null });
    await outbox.put(kept);
    await outbox.addChunk(kept.id, 0, bytes(1, 2, 3));
    const created: string[] = [];
    const server = clinic(new Set(["new"]), created, 404);
    location.href = await serve(server);
    const fresh = state === "expected" ? "new" : "done";
    page.answer = (path) =>
      path.endsWith("/rerecord/")
        ? Response.json({ id: "new", state: "expected" })
        : Response.json({ steps: [{ id: "st", clip: { id: fresh, state } }] });
    try {
      await sender.resume("7");
      await until(() => created.includes("new"));
      // The new clip is what a later page goes on with, too.
      assert.deepEqual(created, ["old", "new"]);
      assert.equal((await outbox.get(kept.id))?.clip, "new");
      const asks = page.asked.filter((path) => path.endsWith("/rerecord/"));
      assert.deepEqual(asks, state === "expected" ? [] : ["/api/v1/clips/done/rerecord/"]);
      await sender.drop(kept.id);
    } finally {
      location.href = "http://localhost/";
      server.closeAllConnections();
      server.close();
    }
  });
}

test("what the server asks to wait is waited in full, and nothing hurries it", async () => {
  const { outbox, sender, phases } = await tab("wait");
  await outbox.put(finished());
  page.answer = () => {
    if (page.asked.length > 2) return refusal(422);
    for (const hurry of page.heard.values()) hurry();
    return refusal(page.asked.length === 1 ? 503 : 507, { "Retry-After": "40" });
  };
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.deepEqual(page.pauses, [40_000, 40_000]);
  assert.deepEqual(phases, ["sending", "waiting", "refused"]);
});

test("somebody else's answer is waited out, as long as it takes, and the take stays", async () => {
  const { outbox, sender, phases } = await tab("portal");
  const kept = finished();
  await outbox.put(kept);
  const html = { headers: { "Content-Type": "text/html" } };
  page.answer = () => {
    const status = [200, 403, 404, 410][page.asked.length % 4] ?? 200;
    return page.asked.length > 40 ? refusal(422) : new Response("<p>Sign in", { status, ...html });
  };
  await sender.resume("7");
  await until(() => phases.at(-1) === "refused");
  assert.deepEqual(phases, ["sending", "waiting", "refused"]);
  assert.ok(await outbox.get(kept.id));
});

test("a take that is given up is told of, so that no word of it stays", async () => {
  const { sender, phases } = await tab("given-up");
  const running = take();
  await sender.begin(running);
  await sender.drop(running.id);
  assert.deepEqual(phases, ["sending", "dropped"]);
  assert.deepEqual(sender.unsent(), []);
});

test("a device that keeps nothing holds its takes in this window", async (t) => {
  t.mock.method(indexedDB, "open", () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  });
  const { outbox, sender } = await tab("refused");
  assert.equal(outbox.trouble, "refused");
  assert.deepEqual(await sender.resume("7"), []);
  const running = take();
  await sender.begin(running);
  await sender.chunk(running.id, 0, bytes(1, 2));
  await sender.finish(running.id, announced);
  assert.deepEqual(sender.unsent().map(({ phase, safe }) => [phase, safe]), [["sending", false]]);
});

test("a device that runs out of room keeps no half of a take", async (t) => {
  const { outbox, sender } = await tab("full");
  const running = take();
  await sender.begin(running);
  await sender.chunk(running.id, 0, bytes(1));
  assert.equal(sender.unsent()[0]?.safe, true);
  t.mock.method(outbox, "addChunk", async () => false);
  await sender.chunk(running.id, 1, bytes(2));
  await sender.finish(running.id, announced);
  assert.equal(sender.unsent()[0]?.safe, false);
  assert.deepEqual([await outbox.takes("7"), await outbox.chunks(running.id)], [[], []]);
});

test("only a clip with this recording's size counts as arrived", async () => {
  const clip = (state: string, size: number | null) => () => Response.json({ state, size });
  const sent = finished({ clip: "c" });
  page.answer = clip("measured", 5);
  assert.equal((await arrived(sent, 5))?.state, "measured");
  assert.equal(await arrived(sent, 6), null);
  assert.equal(await arrived(take({ clip: "c" }), 5), null);
  page.answer = clip("skipped", null);
  assert.equal(await arrived(sent, 5), null);
  page.answer = clip("superseded", null);
  assert.equal(await arrived(sent, 5), null);
});

const parcel = (fields: Partial<Parcel> = {}): Parcel => ({
  take: take({ clip: "c" }),
  source: new GrowingSource(),
  road: new Road(),
  onUrl: () => Promise.resolve(),
  onProgress: () => undefined,
  ...fields,
});
const isSettled = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise.then(() => 1, () => 1), turn()])) === 1;

test("an upload request that stands still for a minute is given up", async (t) => {
  let requests = 0;
  const silent = createServer(() => {
    requests += 1;
  });
  location.href = await serve(silent);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { done } = transfer(parcel());
    await until(() => requests === 1, done);
    t.mock.timers.tick(59_999);
    assert.equal(await isSettled(done), false);
    t.mock.timers.tick(1);
    await assert.rejects(done, { status: 0, code: "offline" });
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

test("waiting for a recording to grow is not standing still", async (t) => {
  const willing = createServer((request, response) => {
    response.writeHead(201, { Location: "/up/1", "Tus-Resumable": "1.0.0" }).end();
    request.resume();
  });
  location.href = await serve(willing);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let url: string | null = null;
    const onUrl = async (found: string | null): Promise<void> => void (url = found);
    const { done, discard } = transfer(parcel({ onUrl }));
    await until(() => url !== null, done);
    assert.equal(url, `${location.href}up/1`);
    await turn();
    t.mock.timers.tick(600_000);
    assert.equal(await isSettled(done), false);
    discard();
  } finally {
    willing.closeAllConnections();
    willing.close();
  }
});

test("patience begins anew whenever something moves", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let over = 0;
  const patience = new Patience(60_000, () => {
    over += 1;
  });
  patience.moved();
  t.mock.timers.tick(90_000);
  patience.start();
  t.mock.timers.tick(50_000);
  patience.moved();
  t.mock.timers.tick(50_000);
  assert.equal(over, 0);
  t.mock.timers.tick(10_000);
  assert.equal(over, 1);
});
