import { expect, test } from "vitest";
import { SignInLimits } from "../src/idp/signInLimits.ts";

test("WWSF-03d sign-in attempts are limited for a user at an address, for a user, and for an address", () => {
  let now = 0;
  const limits = new SignInLimits(() => now);
  const admitted = (attempts: number, user: (at: number) => string, address: (at: number) => string): number =>
    Array.from({ length: attempts }, (_, at) => limits.admit(user(at), address(at))).filter((wait) => wait === 0)
      .length;
  expect(
    admitted(
      10,
      () => "mary",
      () => "10.0.0.1",
    ),
  ).toBe(5);
  expect(limits.admit("mary", "10.0.0.2"), "she herself, from elsewhere").toBe(0);
  expect(limits.admit("mary", "10.0.0.1")).toBe(60);
  now += 59_000;
  expect(limits.admit("mary", "10.0.0.1")).toBe(1);
  now += 1000;
  expect(limits.admit("mary", "10.0.0.1")).toBe(0);
  expect(
    admitted(
      200,
      () => "ken",
      (at) => `10.0.1.${at}`,
    ),
    "guesses from many places",
  ).toBe(60);
  expect(
    admitted(
      200,
      (at) => `user${at}`,
      () => "10.0.2.1",
    ),
    "guesses at many names",
  ).toBe(120);
});

test("the right password gives a user her attempts back", () => {
  const limits = new SignInLimits(() => 0);
  for (let round = 0; round < 5; round += 1) {
    for (let attempt = 0; attempt < 5; attempt += 1) expect(limits.admit("mary", "10.0.0.1")).toBe(0);
    limits.succeeded("mary", "10.0.0.1");
  }
});
