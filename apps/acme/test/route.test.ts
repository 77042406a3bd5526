import { expect, test } from "vitest";
import type { Colleague } from "../web/api.ts";
import { formatNumber, normaliseNumber } from "../web/phoneNumber.ts";
import { pickRoute, type Surroundings } from "../web/route.ts";

const ken: Colleague = { id: "ken", name: "Ken Adams", presence: "online", tel: "+12125550101" };
const olivia: Colleague = { id: "olivia", name: "Olivia Brown", presence: "offline", tel: "+12125550102" };
const surroundings: Surroundings = {
  self: { id: "mary", tel: "+12125550100" },
  colleagues: [ken, olivia],
  emergencyNumbers: ["112", "911"],
};

test("GEN-06c a colleague who is there is called directly, her number being the fall-back", () => {
  expect(pickRoute({ user: "ken" }, surroundings)).toEqual({
    path: "direct",
    colleague: ken,
    fallback: "+12125550101",
  });
});

test("GEN-06c the number of a colleague who is there takes the direct path too", () => {
  for (const number of ["+12125550101", "+1 (212) 555-0101", "0012125550101"])
    expect(pickRoute({ number }, surroundings)).toMatchObject({ path: "direct", colleague: { id: "ken" } });
});

test("GEN-06c a colleague who is away, and everybody else, is called by IMS", () => {
  expect(pickRoute({ user: "olivia" }, surroundings)).toMatchObject({ path: "ims", number: "+12125550102" });
  expect(pickRoute({ number: "+1 212 555 0102" }, surroundings)).toMatchObject({ path: "ims", colleague: olivia });
  expect(pickRoute({ number: "+12025550110" }, surroundings)).toEqual({ path: "ims", number: "+12025550110" });
});

test("a colleague on a call is still asked directly: the answer is a truthful busy", () => {
  const busy = { ...surroundings, colleagues: [{ ...ken, presence: "busy" as const }] };
  expect(pickRoute({ user: "ken" }, busy)).toMatchObject({ path: "direct" });
});

test("GEN-06c the choice is the same each time it is made", () => {
  const targets = [{ user: "ken" }, { user: "olivia" }, { number: "+12125550101" }, { number: "5550123" }];
  for (const target of targets)
    expect(pickRoute(target, surroundings)).toEqual(pickRoute(target, structuredClone(surroundings)));
});

test("what cannot be called is refused with its reason before anything is sent", () => {
  const without: Surroundings = {
    ...surroundings,
    colleagues: [{ id: "ken", name: "Ken Adams", presence: "offline" }],
  };
  expect(pickRoute({ number: "911" }, surroundings)).toEqual({ path: "none", why: "emergency" });
  expect(pickRoute({ number: "+1 212 555 0100" }, surroundings)).toEqual({ path: "none", why: "self" });
  expect(pickRoute({ user: "mary" }, surroundings)).toEqual({ path: "none", why: "self" });
  expect(pickRoute({ user: "ken" }, without)).toEqual({ path: "none", why: "no-number" });
  for (const number of ["", "hello", "+", "+0123", "sip:a@b", "1".repeat(33)])
    expect(pickRoute({ number }, surroundings)).toEqual({ path: "none", why: "not-a-number" });
});

test("numbers are read as people write them, and written as people read them", () => {
  expect(normaliseNumber(" +44 (20) 7946-0018 ")).toBe("+442079460018");
  expect(normaliseNumber("*21#")).toBe("*21#");
  expect(formatNumber("+12125550100")).toBe("+1 212 555 0100");
  expect(formatNumber("+442079460018")).toBe("+442079460018");
});
