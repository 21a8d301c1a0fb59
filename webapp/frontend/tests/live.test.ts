// The page's end of a socket: when it comes back, from which number, and when it gives up.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { endingWords } from "../src/shared/ended";
import { type Ending, Live, backoff } from "../src/shared/live";

/** A browser's socket, as far as a page sees it; the test is the server. */
class Line {
  static all: Line[] = [];
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: string[] = [];
  closed = false;

  constructor(readonly url: string) {
    Line.all.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  event(number: number): void {
    this.say({ type: "event", number, kind: "k", data: {}, at: "" });
  }

  cut(code = 1006): void {
    this.onclose?.({ code });
  }
}

let page = Object.assign(new EventTarget(), { visibilityState: "visible" });
let browser = new EventTarget();
const heard: number[] = [];
const seen: string[] = [];

function open(after = 4): Live {
  return new Live({
    path: "/ws/patient/",
    after,
    onEvent: (event) => heard.push(event.number),
    onStale: () => seen.push("stale"),
    onConnection: (connected) => seen.push(connected ? "on" : "off"),
    onEnd: (why: Ending) => seen.push(why),
  });
}

function now(): Line {
  const line = Line.all.at(-1);
  assert.ok(line);
  return line;
}

function show(state: "visible" | "hidden"): void {
  page.visibilityState = state;
  page.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  Line.all = [];
  page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  browser = new EventTarget();
  heard.length = seen.length = 0;
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  Object.assign(globalThis, {
    WebSocket: Line,
    window: browser,
    document: page,
    location: { protocol: "https:", host: "mimia.example.org" },
  });
});
afterEach(() => mock.timers.reset());

test("a line that was cut comes back and asks for what came after the last number", () => {
  open(4);
  assert.equal(now().url, "wss://mimia.example.org/ws/patient/?after=4");
  now().say({ type: "hello", last: 4 });
  now().event(5);
  now().event(6);
  now().cut();
  assert.equal(Line.all.length, 1);
  mock.timers.tick(1_250);
  assert.equal(now().url, "wss://mimia.example.org/ws/patient/?after=6");
  now().say({ type: "hello", last: 8 });
  now().event(6);
  now().event(7);
  now().event(8);
  assert.deepEqual(heard, [5, 6, 7, 8]);
  assert.deepEqual(seen, ["on", "stale", "off", "on", "stale"]);
});

test("a page whose numbers are too old, or of another database, begins from the server's", () => {
  open(90);
  now().say({ type: "hello", last: 3 });
  now().say({ type: "reload", last: 3 });
  now().event(4);
  assert.deepEqual(heard, [4]);
  assert.deepEqual(seen, ["on", "stale", "stale"]);
  now().cut();
  mock.timers.tick(20_000);
  assert.match(now().url, /after=4$/);
});

test("a gap is asked for on the same line", () => {
  open(4);
  now().say({ type: "hello", last: 6 });
  now().event(6);
  assert.deepEqual(heard, []);
  assert.deepEqual(now().sent, ['{"type":"replay","after":4}']);
});

test("while the server is away the pauses grow, and a line that falls at once is no success", () => {
  open();
  const tries: number[] = [];
  for (let second = 0; second < 300; second += 1) {
    const before = Line.all.length;
    now().say({ type: "hello", last: 4 });
    now().cut(1013);
    mock.timers.tick(1_000);
    if (Line.all.length > before) tries.push(second);
  }
  assert.ok(tries.length < 60, `${tries.length} tries in five minutes`);
  assert.ok(tries.length > 10, "it gave up");
});

test("after a connection that held, the next one comes soon", () => {
  open();
  for (let n = 0; n < 6; n += 1) {
    now().cut();
    mock.timers.tick(20_000);
  }
  now().say({ type: "hello", last: 4 });
  mock.timers.tick(60_000);
  const before = Line.all.length;
  now().cut();
  mock.timers.tick(1_250);
  assert.equal(Line.all.length, before + 1);
});

test("the pages of a clinic do not come back in the same moment", () => {
  const first = Array.from({ length: 200 }, () => backoff(0)).sort((a, b) => a - b);
  assert.ok((first.at(-1) ?? 0) - (first[0] ?? 0) > 800);
  assert.ok((first[0] ?? 0) >= 250);
});

test("a line that is dialled and never greets is given up", () => {
  open();
  const first = now();
  mock.timers.tick(30_000);
  assert.ok(first.closed);
  mock.timers.tick(1_250);
  assert.equal(Line.all.length, 2);
  first.say({ type: "hello", last: 9 });
  first.event(5);
  assert.deepEqual([heard, seen], [[], ["off"]]);
});

for (const [code, why] of [[4401, "logged out"], [4403, "not allowed"]] as const) {
  test(`code ${code} ends it: ${why}`, () => {
    open();
    now().say({ type: "hello", last: 4 });
    now().cut(code);
    browser.dispatchEvent(new Event("online"));
    show("visible");
    mock.timers.tick(600_000);
    assert.equal(Line.all.length, 1);
    assert.deepEqual(seen, ["on", "stale", "off", why]);
    assert.ok(endingWords(why).length > 20);
  });
}

test("too many sockets: tried again, but not soon", () => {
  open();
  now().cut(4429);
  mock.timers.tick(3_700);
  assert.equal(Line.all.length, 1);
  mock.timers.tick(15_100);
  assert.equal(Line.all.length, 2);
});

test("a page that slept dials anew when somebody looks, one that was glanced away from does not", () => {
  open();
  now().say({ type: "hello", last: 4 });
  show("hidden");
  mock.timers.tick(5_000);
  show("visible");
  assert.equal(Line.all.length, 1);
  show("hidden");
  mock.timers.tick(8 * 3_600_000);
  now().event(5);
  const old = now();
  show("visible");
  assert.equal(Line.all.length, 2);
  assert.ok(old.closed);
  assert.match(now().url, /after=5$/);
  old.cut();
  assert.equal(Line.all.length, 2);
});

test("somebody who looks does not wait for the pause to end", () => {
  open();
  for (let n = 0; n < 6; n += 1) {
    now().cut();
    mock.timers.tick(20_000);
  }
  now().cut();
  show("hidden");
  const before = Line.all.length;
  show("visible");
  assert.equal(Line.all.length, before + 1);
  mock.timers.tick(29_000);
  assert.equal(Line.all.length, before + 1);
});

test("another network: the old line is not waited for", () => {
  open();
  now().say({ type: "hello", last: 4 });
  browser.dispatchEvent(new Event("online"));
  assert.equal(Line.all.length, 2);
});
