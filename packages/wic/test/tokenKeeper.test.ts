import { VirtualClock } from "@portico/sip/testing";
import { expect, test } from "vitest";
import type { ImsSession } from "../src/index.ts";
import { TokenKeeper } from "../src/tokenKeeper.ts";

const session: ImsSession = {
  impu: "sip:u0001@acme.ims.test",
  homeDomain: "ims.test",
  wss: ["wss://epcscf.ims.test/"],
  accessToken: "abc.def-_~+/==",
  expiresIn: 100,
};

test("two who ask at once get one answer; half of the life is kept, then a new one is fetched", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const tokens = new TokenKeeper(() => {
    asked += 1;
    return Promise.resolve(session);
  }, clock);
  await Promise.all([tokens.renew(), tokens.fresh(), tokens.renew()]);
  expect(asked).toBe(1);
  clock.advance(49_000);
  await tokens.fresh();
  expect(asked).toBe(1);
  expect(tokens.remainingMs).toBe(51_000);
  clock.advance(2_000);
  await tokens.fresh();
  expect(asked).toBe(2);
  clock.advance(500_000);
  expect(tokens.remainingMs).toBe(0);
});

test.each([
  ["no object", undefined],
  ["an error page", "<html>"],
  ["no IMPU", { ...session, impu: 1 }],
  ["no portal", { ...session, wss: "wss://x" }],
  ["no life", { ...session, expiresIn: 0 }],
  ["no number as life", { ...session, expiresIn: "soon" }],
  ["a token that would break the header field", { ...session, accessToken: "a\r\nX: y" }],
  ["an empty token", { ...session, accessToken: "" }],
])("%s instead of a session is refused", async (_, answer) => {
  const tokens = new TokenKeeper(() => Promise.resolve(answer as ImsSession), new VirtualClock());
  await expect(tokens.renew()).rejects.toMatchObject({ code: "wic/token-unavailable" });
  expect(tokens.session).toBeUndefined();
});

test.each([
  [Object.assign(new Error("x"), { status: 401 }), "wic/signed-out", true],
  [{ status: 403 }, "wic/signed-out", true],
  [Object.assign(new Error("x"), { status: 503 }), "wic/token-unavailable", false],
  [new TypeError("fetch failed"), "wic/token-unavailable", false],
  ["a string", "wic/token-unavailable", false],
  [undefined, "wic/token-unavailable", false],
])("a source that rejects with %j: %s", async (reason, code, fatal) => {
  // eslint-disable-next-line prefer-promise-reject-errors -- a page may reject with anything
  const tokens = new TokenKeeper(() => Promise.reject(reason), new VirtualClock());
  await expect(tokens.renew()).rejects.toMatchObject({ code, fatal });
});

test("what comes after the token was cleared is not kept", async () => {
  const clock = new VirtualClock();
  const { promise, resolve } = Promise.withResolvers<ImsSession>();
  const tokens = new TokenKeeper(() => promise, clock);
  const renewed = tokens.renew();
  tokens.clear();
  resolve(session);
  await expect(renewed).rejects.toMatchObject({ code: "wic/logged-out" });
  expect(tokens.session).toBeUndefined();
});
