import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { browserPlatform } from "../src/index.ts";

class Listening extends EventTarget {
  readonly types: string[] = [];
  visibilityState = "visible";

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.types.push(args[0]);
    super.addEventListener(...args);
  }
}

let page: Listening;
let view: Listening;

beforeEach(() => {
  page = new Listening();
  view = new Listening();
  vi.stubGlobal("document", page);
  vi.stubGlobal("window", view);
});

function fire(): void {
  view.dispatchEvent(new Event("offline"));
  view.dispatchEvent(new Event("online"));
  page.dispatchEvent(new Event("visibilitychange"));
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  page.visibilityState = "visible";
  view.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  view.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("WIC-14b the page's end is not listened to: neither unload nor pagehide sends anything", () => {
  browserPlatform().onHint(() => undefined);
  const types = [...page.types, ...view.types].toSorted();
  expect(types).toEqual(["offline", "online", "pageshow", "resume", "visibilitychange"]);
});

test("hints come from the network and from a page that is looked at again, until nobody wants them", () => {
  const hints: string[] = [];
  const stop = browserPlatform().onHint((hint) => hints.push(hint));
  fire();
  expect(hints).toEqual(["offline", "online", "visible", "visible"]);
  stop();
  fire();
  expect(hints.length).toBe(4);
});

test("tokens have their length, their alphabet, and do not repeat", () => {
  const { random } = browserPlatform();
  const tokens = Array.from({ length: 200 }, () => random.token(20));
  expect(new Set(tokens).size).toBe(200);
  expect(tokens.every((token) => /^[a-z0-9]{20}$/.test(token))).toBe(true);
  expect(random.token(0)).toBe("");
});

test("a lock has one holder; a second one waits in vain, a third takes it over when it is released", async () => {
  const platform = browserPlatform();
  const release = await platform.lock("portico.test", 50);
  expect(release).toBeDefined();
  expect(await platform.lock("portico.test", 20)).toBeUndefined();
  const third = platform.lock("portico.test", 5_000);
  release?.();
  expect(await third).toBeDefined();
  (await third)?.();
});

test("a timer beyond what browsers count does not fire at once", () => {
  vi.useFakeTimers();
  let fired = false;
  const cancel = browserPlatform().clock.setTimer(600_000_000_000, () => (fired = true));
  vi.advanceTimersByTime(1_000_000);
  expect(fired).toBe(false);
  cancel();
});
