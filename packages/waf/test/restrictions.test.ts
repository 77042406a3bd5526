import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { TenantDocument } from "../src/index.ts";
import { acme, claimsOf, other, World } from "./world.ts";

const restricted: TenantDocument = {
  ...acme,
  services: ["voice", "message"],
  dialPlan: { internationalPrefix: "011", national: { trunk: "1", country: "+1", digits: 10 } },
  restrictions: {
    services: ["voice"],
    direction: ["mo", "mt"],
    mo: ["national", "+44", "internal"],
    not_mo: ["+1900"],
    max_sessions: 2,
    hours: [{ timeZone: "America/New_York", days: ["mo", "tu", "we", "th", "fr"], from: "07:00", to: "20:00" }],
    emergency: "refuse",
  },
};

async function open(tenant: TenantDocument = restricted): Promise<World> {
  const turn = { urls: ["turns:turn.op.test"], secret: "s" };
  const world = await World.open({ tenants: [tenant, other], turn });
  onTestFinished(() => world.close());
  return world;
}

const night = { timeZone: "Europe/London", days: ["sa"], from: "22:00", to: "06:00" };

test("WAF-11a WWSF-15 a token carries the restrictions of the tenant and those the third party adds", async () => {
  const world = await open();
  const asked = { mo: ["+4420"], not_mo: ["+1976"], max_sessions: 1, direction: ["mo"], hours: [night], turn: false };
  const plain = await world.exchange("mary");
  expect(claimsOf(plain.body.access_token)["restr"]).toEqual({
    ...restricted.restrictions,
    hours: [restricted.restrictions?.hours],
  });
  expect(plain.body.ims).toHaveProperty("iceServers.0.username");
  const { body } = await world.exchange("ken", { restrictions: JSON.stringify(asked) });
  const both = {
    services: ["voice"],
    direction: ["mo"],
    mo: ["+4420"],
    not_mo: ["+1900", "+1976"],
    max_sessions: 1,
    hours: [restricted.restrictions?.hours, [night]],
    emergency: "refuse",
    turn: false,
  };
  expect(claimsOf(body.access_token)["restr"]).toEqual(both);
  expect(body.ims).toMatchObject({ iceServers: [] });
  // A refresh gives nothing back.
  const { body: renewed } = await world.refresh(body.refresh_token);
  expect(claimsOf(renewed.access_token)["restr"]).toEqual(both);
  expect(renewed.ims).toMatchObject({ iceServers: [] });
});

test("WAF-11a a tenant without restrictions puts none in the token, and a request may set some", async () => {
  const world = await open(acme);
  expect(claimsOf((await world.exchange("mary")).body.access_token)).not.toHaveProperty("restr");
  const { body } = await world.exchange("ken", { restrictions: '{"max_sessions":1}' });
  expect(claimsOf(body.access_token)["restr"]).toEqual({ max_sessions: 1 });
});

test.each([
  [{ services: ["message"] }, "services"],
  [{ mo: ["international"] }, "mo"],
  [{ mo: ["+4"] }, "mo"],
  [{ mo: ["+33"] }, "mo"],
  [{ max_sessions: 3 }, "max_sessions"],
  [{ emergency: "route" }, "emergency"],
])("WAF-11b a request for %o, more than the tenant may, is refused and told why", async (asked, member) => {
  const world = await open();
  const { status, body } = await world.exchange("mary", { restrictions: JSON.stringify(asked) });
  expect({ status, reason: body.reason }).toEqual({ status: 400, reason: "restrictions_refused" });
  expect(body["error_description"]).toContain(`${member} may be narrowed only; this tenant has`);
});

test.each([
  ["no JSON", "{", "no JSON"],
  ["no object", "[]", "object"],
  ["an unknown member", '{"max_session":1}', "max_session"],
  ["a time zone of its own", '{"hours":[{"timeZone":"X/Y","days":["mo"],"from":"01:00","to":"02:00"}]}', "IANA"],
  ["a destination that is none", '{"mo":["sip:a@b"]}', "internal, national, international"],
])("restrictions that are %s are refused", async (_, restrictions, why) => {
  const world = await open();
  const { status, body } = await world.exchange("mary", { restrictions });
  expect({ status, reason: body.reason }).toEqual({ status: 400, reason: "restrictions_refused" });
  expect(body["error_description"]).toContain(why);
});

test("WAF-11b whatever a request asks for, it never gets more than the tenant has", async () => {
  const world = await open();
  const destination = fc.constantFrom(
    "national",
    "international",
    "internal",
    "+1",
    "+1212",
    "+44",
    "+442",
    "+4",
    "+9",
  );
  const asked = fc.record(
    {
      services: fc.subarray(["voice", "message"]),
      direction: fc.subarray(["mo", "mt"]),
      mo: fc.uniqueArray(destination, { maxLength: 3 }),
      not_mo: fc.uniqueArray(destination, { maxLength: 3 }),
      max_sessions: fc.integer({ min: 1, max: 4 }),
      hours: fc.constant([night]),
      emergency: fc.constantFrom("refuse", "route"),
    },
    { requiredKeys: [] },
  );
  const within = /^(national|internal|\+1\d*|\+44\d*)$/;
  await fc.assert(
    fc.asyncProperty(asked, async (restrictions) => {
      const { status, body } = await world.exchange("mary", { restrictions: JSON.stringify(restrictions) });
      if (status === 400) return;
      const restr = claimsOf(body.access_token)["restr"] as NonNullable<TenantDocument["restrictions"]>;
      expect(restr.services?.every((service) => service === "voice")).toBe(true);
      expect(restr.mo?.every((one) => within.test(one))).toBe(true);
      expect(restr.not_mo).toContain("+1900");
      expect(restr.max_sessions).toBeLessThanOrEqual(2);
      expect(restr.hours).toContainEqual(restricted.restrictions?.hours);
      expect(restr.emergency).toBe("refuse");
    }),
    { numRuns: 40 },
  );
}, 120_000);
