import { describe, expect, onTestFinished, test } from "vitest";
import { checkTenant, type TenantDocument, type WafOptions } from "../src/index.ts";
import { acme, acmeBlock, acmeClientId, claimsOf, type FormFields, other, sessionOf, World } from "./world.ts";

const guests = {
  ...acmeBlock,
  id: "guests",
  prefix: "g",
  numbers: [{ from: "+12125550300" }],
  count: 2,
  assignment: "dynamic" as const,
  quarantineSeconds: 60,
};
const anonymous = { block: "guests", restrictions: { direction: ["mo" as const], mo: ["+1212555"] } };
const open: TenantDocument = {
  ...acme,
  blocks: [acmeBlock, guests],
  rules: [{ choose: "firstFree", block: "main" }],
  anonymous,
};

async function worldOf(tenant: TenantDocument = open, o: Partial<WafOptions> = {}): Promise<World> {
  const world = await World.open({ tenants: [tenant, other], ...o });
  onTestFinished(() => world.close());
  return world;
}

/** A session for a visitor. */
const come = (world: World, visitor: string, fields: FormFields = {}): ReturnType<World["post"]> =>
  world.post("token", { grant_type: "client_credentials", web_session: `web-session-of-${visitor}`, ...fields });

const identities = async (world: World, ...visitors: string[]): Promise<string[]> => {
  const answers: string[] = [];
  for (const visitor of visitors) {
    const { body } = await come(world, visitor);
    answers.push(body.ims?.impu ?? body.reason);
  }
  return answers;
};

describe("GEN-14b a user whom nobody vouches for", () => {
  test("gets an identity of the block for such, as long as her page is there, and what the operator lets her do", async () => {
    const world = await worldOf();
    const { status, body } = await come(world, "v1");
    expect(status).toBe(200);
    expect(body.ims).toMatchObject({ impu: "sip:g0001@acme.ims.test", tel: "+12125550300" });
    expect(body["expires_in"]).toBe(300);
    expect(claimsOf(body.access_token)).toMatchObject({
      impu: "sip:g0001@acme.ims.test",
      client_id: acmeClientId,
      restr: { direction: ["mo"], mo: ["+1212555"] },
    });
    expect((await come(world, "v1")).body.ims.impu, "the same web session").toBe("sip:g0001@acme.ims.test");
    const next = await world.refresh(body.refresh_token);
    expect([next.status, next.body.ims.impu, next.body["expires_in"]]).toEqual([200, "sip:g0001@acme.ims.test", 300]);
    // A page that is closed refreshes no more.
    world.pass(300 + 60 + 1);
    expect((await world.refresh(next.body.refresh_token)).body.reason).toBe("refresh_token_refused");
    world.pass(120);
    expect(await identities(world, "v2", "v3")).toEqual(["sip:g0002@acme.ims.test", "sip:g0001@acme.ims.test"]);
  });

  test("takes nothing from users who are known, and they nothing from her", async () => {
    const world = await worldOf();
    expect(await identities(world, "v1", "v2", "v3")).toEqual([
      "sip:g0001@acme.ims.test",
      "sip:g0002@acme.ims.test",
      "block_exhausted",
    ]);
    expect((await world.exchange("mary")).body.ims.impu).toBe("sip:u0001@acme.ims.test");
    const { body } = await come(world, "v1");
    await world.revoke(body.refresh_token);
    world.pass(3600);
    const asked = await world.exchange("ken", { impu: "sip:g0001@acme.ims.test" });
    expect(asked.body.reason).toBe("identity_refused");
    expect(await identities(world, "v4")).not.toEqual(["block_exhausted"]);
  });

  test("may ask for less, and for no more", async () => {
    const world = await worldOf();
    const less = await come(world, "v1", { restrictions: `{"mo":["+12125550"],"max_sessions":1}` });
    expect(claimsOf(less.body.access_token)["restr"]).toEqual({
      direction: ["mo"],
      mo: ["+12125550"],
      max_sessions: 1,
    });
    for (const [fields, reason] of [
      [{ restrictions: `{"mo":["international"]}` }, "restrictions_refused"],
      [{ restrictions: `{"direction":["mo","mt"]}` }, "restrictions_refused"],
      [{ scope: "ims.register ims.video" }, "scope_refused"],
      [{ audience: "sip:elsewhere.test" }, "audience_refused"],
      [{ web_session: undefined }, "request_malformed"],
      [{ client_assertion: "x" }, "client_unauthenticated"],
    ] as const) {
      expect((await come(world, "v2", fields)).body.reason).toBe(reason);
    }
  });

  test("is refused where the tenant has none such, and told the site why", async () => {
    const world = await worldOf(acme);
    const refused = await come(world, "v1");
    expect([refused.status, refused.body.error, refused.body.reason]).toEqual([
      400,
      "unauthorized_client",
      "anonymous_refused",
    ]);
  });

  test("comes no faster than the rate of the tenant, which users who are known do not share", async () => {
    const world = await worldOf({ ...open, anonymous: { ...anonymous, rate: { burst: 2, perSecond: 0.1 } } });
    expect(await identities(world, "v1", "v2", "v3")).toEqual([
      "sip:g0001@acme.ims.test",
      "sip:g0002@acme.ims.test",
      "too_many_requests",
    ]);
    expect((await come(world, "v1")).headers["retry-after"]).toBe("10");
    expect((await world.exchange("mary")).status).toBe(200);
  });

  test("loses her session when she leaves, and when the operator has no such users any more", async () => {
    const world = await worldOf(acme, { tenants: [other] });
    const { version } = await world.waf.tenants.create(open, { by: "test" });
    const [left, stays] = [(await come(world, "v1")).body, (await come(world, "v2")).body];
    await world.revoke(left.refresh_token);
    expect(world.waf.isRevoked(sessionOf(left.access_token))).toBe(true);
    const { anonymous: _, ...without } = open;
    await world.waf.tenants.replace("acme", without, { by: "test", version });
    expect((await world.refresh(stays.refresh_token)).body.reason).toBe("refresh_token_refused");
    expect((await come(world, "v2")).body.reason).toBe("anonymous_refused");
  });
});

const [client] = acme.clients;
const [provider] = acme.identityProviders;
const rule = { choose: "firstFree" };
test.each<[string, object, string]>([
  [
    "a block of known users",
    { anonymous: { ...anonymous, block: "main" }, rules: [{ ...rule, block: "guests" }] },
    "/anonymous/block",
  ],
  ["a block that is none", { anonymous: { ...anonymous, block: "x" } }, "/anonymous/block"],
  ["no word of what they may do", { anonymous: { block: "guests" } }, "/anonymous"],
  ["more than the tenant may", { restrictions: { mo: ["+44"] } }, "/anonymous/restrictions"],
  ["a rule that may give their identities to others", { rules: [rule] }, "/rules/0/block"],
  ["a rule that does", { rules: [{ ...rule, block: "guests" }] }, "/rules/0/block"],
  ["no rule where others are known", { rules: undefined }, "/rules"],
  [
    "a provider that could be taken for nobody",
    { identityProviders: [{ ...provider, issuer: "anonymous:x" }] },
    "/identityProviders/0/issuer",
  ],
  ["a client that could", { clients: [{ ...client, clientId: "anonymous:x" }] }, "/clients/0/clientId"],
])("GEN-14b a document is refused for anonymous users with %s", (_, change, path) => {
  expect(checkTenant(open)).toEqual([]);
  const document = JSON.parse(JSON.stringify({ ...open, ...change })) as unknown;
  expect(checkTenant(document).map((problem) => problem.path)).toEqual([path]);
});

test("GEN-14b a tenant with nobody but anonymous users needs neither provider nor rules", () => {
  const { rules: _, ...alone } = { ...open, identityProviders: [], blocks: [guests] };
  expect(checkTenant(alone)).toEqual([]);
});
