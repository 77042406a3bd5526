import { expect, onTestFinished, test } from "vitest";
import type { TenantDocument } from "../src/index.ts";
import { acme, acmeBlock, acmeClientId, acmeWith, keyPair, other, World } from "./world.ts";

async function open(tenant: TenantDocument): Promise<World> {
  const world = await World.open({ tenants: [tenant, other] });
  onTestFinished(() => world.close());
  return world;
}

const sales = { ...acmeBlock, id: "sales", prefix: "s", numbers: [{ from: "+12125550300" }], count: 2 };
const withRules = (rules: TenantDocument["rules"]): TenantDocument => ({
  ...acme,
  blocks: [acmeBlock, sales],
  ...(rules === undefined ? {} : { rules }),
});

async function identityOf(world: World, user: string, claims: object): Promise<string> {
  const { body } = await world.exchange(user, { subject_token: await world.idToken(user, { ...claims }) });
  return body.ims?.impu ?? body.reason;
}

test("a rule chooses the block by a claim of the user's token, one value or one of several", async () => {
  const world = await open(
    withRules([
      { when: { claim: "department", is: ["sales"] }, choose: "firstFree", block: "sales" },
      { when: { claim: "groups", is: ["staff"] }, choose: "firstFree", block: "main" },
    ]),
  );
  expect(await identityOf(world, "mary", { department: "sales" })).toBe("sip:s0001@acme.ims.test");
  expect(await identityOf(world, "ken", { groups: ["x", "staff"] })).toBe("sip:u0001@acme.ims.test");
  expect(await identityOf(world, "eve", { department: "x" })).toBe("identity_refused");
  expect(await identityOf(world, "olivia", { department: "sales" })).toBe("sip:s0002@acme.ims.test");
  expect(await identityOf(world, "adam", { department: "sales" })).toBe("block_exhausted");
  // Who holds an identity keeps it, whatever her claims become.
  expect(await identityOf(world, "mary", { groups: ["staff"] })).toBe("sip:s0001@acme.ims.test");
});

const tel = (phone_number?: string): object => ({ kind: "tel", phone_number });

test("a rule gives the user the number or the IMPU that her token names, if it is her company's and free", async () => {
  const world = await open(
    withRules([
      { when: { claim: "kind", is: ["tel"] }, choose: "numberInClaim", claim: "phone_number" },
      { choose: "impuInClaim", claim: "impu", block: "sales" },
    ]),
  );
  expect(await identityOf(world, "mary", tel("+12125550301"))).toBe("sip:s0002@acme.ims.test");
  expect(await identityOf(world, "ken", tel("+12125550301"))).toBe("identity_refused");
  expect(await identityOf(world, "ken", tel("+12125550900"))).toBe("identity_refused");
  expect(await identityOf(world, "ken", tel())).toBe("identity_refused");
  expect(await identityOf(world, "ken", { impu: "sip:u0001@acme.ims.test" })).toBe("identity_refused");
  expect(await identityOf(world, "ken", { impu: "sip:s0001@acme.ims.test" })).toBe("sip:s0001@acme.ims.test");
});

test("WWSF-04b the third party assigns an identity before the user comes, and she gets it", async () => {
  const world = await open(withRules([{ choose: "assignedOnly", block: "sales" }]));
  expect(await identityOf(world, "mary", {})).toBe("identity_refused");
  const assigned = await world.post("identities/assign", { subject: "mary", impu: "sip:s0002@acme.ims.test" });
  expect(assigned).toMatchObject({ status: 200, body: { impu: "sip:s0002@acme.ims.test", tel: "+12125550301" } });
  expect(await identityOf(world, "mary", {})).toBe("sip:s0002@acme.ims.test");
  // Again is the same; another one for her, or hers for another, is refused.
  expect((await world.post("identities/assign", { subject: "mary" })).body).toEqual(assigned.body);
  const wrong = { subject: "mary", impu: "sip:s0001@acme.ims.test" };
  expect((await world.post("identities/assign", wrong)).body.reason).toBe("identity_refused");
  const taken = { subject: "ken", impu: "sip:s0002@acme.ims.test" };
  expect((await world.post("identities/assign", taken)).body.reason).toBe("identity_refused");
  const foreign = { subject: "ken", impu: "sip:u0001@other.ims.test" };
  expect((await world.post("identities/assign", foreign)).body.reason).toBe("identity_refused");
  const chosen = await world.post("identities/assign", { subject: "ken" });
  expect(chosen.body).toMatchObject({ impu: "sip:s0001@acme.ims.test" });
});

test("an identity that a session holds only is not assigned without one", async () => {
  const world = await open(acmeWith({ assignment: "dynamic" }));
  expect((await world.post("identities/assign", { subject: "mary" })).body.reason).toBe("identity_refused");
  expect(await world.waf.usage("acme")).toMatchObject({ assigned: 0 });
});

test("WWSF-11a what the third party assigns and ends is in the audit with its client, and never a token", async () => {
  const world = await open(acme);
  await world.post("identities/assign", { subject: "mary" });
  const { body } = await world.exchange("mary");
  expect((await world.post("identities/end", { subject: "mary" })).status).toBe(200);
  expect((await world.refresh(body.refresh_token)).status).toBe(400);
  const records = await world.store.audit.page("acme", 9);
  expect(records).toMatchObject([
    { action: "assignment.end", actor: acmeClientId, subject: body.ims.impu, detail: { reason: "user_disabled" } },
    { action: "assignment.begin", actor: acmeClientId, subject: body.ims.impu, person: "https://idp.acme.test mary" },
  ]);
  for (const token of [body.access_token, body.refresh_token]) expect(JSON.stringify(records)).not.toContain(token);
});

test("WWSF-08a a WWSF that is registered for it vouches for its users with tokens of its own", async () => {
  const own = await keyPair("own");
  const [client] = acme.clients;
  if (client === undefined) throw new Error("Acme has no client");
  const subjectTokens = { jwks: { keys: [{ ...own.public }] } };
  const world = await open({ ...acme, identityProviders: [], clients: [{ ...client, subjectTokens }] });
  const issue = (claims: object, key = own): Promise<string> =>
    world.idToken("guest-1", { iss: acmeClientId, aud: "https://portal.op.test/waf", ...claims }, key);
  const type = "urn:ietf:params:oauth:token-type:jwt";
  const ask = async (token: string, subject_token_type = type): ReturnType<World["exchange"]> =>
    await world.exchange("", { subject_token: token, subject_token_type, web_session: "w" });
  const good = await ask(await issue({}));
  expect(good.status).toBe(200);
  expect((await world.post("identities", { subject: "guest-1" })).body["impu"]).toBe(good.body.ims.impu);
  const refusals = [
    [await issue({ iss: "someone" }), "subject_token_claim"],
    [await issue({ aud: "someone" }), "subject_token_claim"],
    [await issue({ sub: acmeClientId }), "subject_token_claim"],
    [await issue({ exp: world.seconds + 3700 }), "subject_token_claim"],
    [await issue({ exp: world.seconds - 100 }), "subject_token_expired"],
    [await issue({}, await keyPair("own")), "subject_token_signature"],
    // A client assertion vouches for nobody.
    [await world.assertion({}, { key: own }), "subject_token_claim"],
  ];
  for (const [token = "", reason] of refusals) expect((await ask(token)).body.reason).toBe(reason);
  const asIdToken = await ask(await issue({}), "urn:ietf:params:oauth:token-type:id_token");
  expect(asIdToken.body.reason).toBe("subject_token_claim");
});
