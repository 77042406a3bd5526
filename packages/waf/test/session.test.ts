import { createHash, createHmac } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Revocation } from "../src/index.ts";
import { acme, acmeAudience, acmeIssuer, acmeWith, claimsOf, keys, other, sessionOf, World } from "./world.ts";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

function revocationsOf(world: World): Revocation[] {
  const seen: Revocation[] = [];
  world.waf.onRevoked((revocation) => seen.push(revocation));
  return seen;
}

const dynamic = acmeWith({ assignment: "dynamic", count: 1 });

test("WWSF-10a a refresh token gives a new access token and a new refresh token", async () => {
  const world = await open();
  const first = await world.exchange("mary");
  world.pass(3000);
  const second = await world.refresh(first.body.refresh_token);
  expect(second).toMatchObject({
    status: 200,
    body: { expires_in: 3600, ims: first.body.ims, scope: first.body["scope"] },
  });
  expect(second.body.refresh_token).not.toBe(first.body.refresh_token);
  expect(sessionOf(second.body.access_token)).toEqual(sessionOf(first.body.access_token));
});

test("a refresh token used again after its successor was used ends the session", async () => {
  const world = await open();
  const revocations = revocationsOf(world);
  const first = await world.exchange("mary");
  const second = await world.refresh(first.body.refresh_token);
  const third = await world.refresh(second.body.refresh_token);
  const refused = { status: 400, body: { error: "invalid_grant" } };
  expect(await world.refresh(first.body.refresh_token)).toMatchObject(refused);
  expect(await world.refresh(third.body.refresh_token)).toMatchObject(refused);
  const { sessionId, tenant } = sessionOf(first.body.access_token);
  const reason = "refresh_token_reused";
  expect(revocations).toEqual([{ sessionId, tenant, impu: "sip:u0001@acme.ims.test", reason }]);
  expect(world.waf.isRevoked({ sessionId, tenant })).toBe(true);
  expect((await world.exchange("mary")).body.ims.impu).toBe("sip:u0001@acme.ims.test");
});

test("WWSF-10a a refresh whose answer was lost may be repeated for a moment, and what was lost is no longer good", async () => {
  const world = await open();
  const first = await world.exchange("mary");
  const lost = await world.refresh(first.body.refresh_token);
  world.pass(20);
  const again = await world.refresh(first.body.refresh_token);
  expect(again.status).toBe(200);
  expect((await world.refresh(again.body.refresh_token)).status).toBe(200);
  // Whoever shows the lost one now did not lose it.
  expect((await world.refresh(lost.body.refresh_token)).status).toBe(400);
  expect(world.waf.isRevoked(sessionOf(first.body.access_token))).toBe(true);
});

test("a used refresh token is refused after the moment has passed, and ends the session", async () => {
  const world = await open();
  const first = await world.exchange("mary");
  expect((await world.refresh(first.body.refresh_token)).status).toBe(200);
  world.pass(31);
  expect((await world.refresh(first.body.refresh_token)).status).toBe(400);
  expect(world.waf.isRevoked(sessionOf(first.body.access_token))).toBe(true);
});

test("one refresh token used many times at once never leaves two live ones", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const answers = await Promise.all(Array.from({ length: 8 }, () => world.refresh(body.refresh_token)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  const rows = await world.store.refreshTokens.childrenOf(
    createHash("sha256").update(body.refresh_token).digest("base64url"),
  );
  expect(rows).toHaveLength(8);
  expect(rows.filter(({ rotatedAt }) => rotatedAt === undefined)).toHaveLength(1);
});

test("a refresh token is bound to its client and web session, and lives 24 hours at most", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const stolen = await world.refresh(body.refresh_token, { client_assertion: await world.otherAssertion() });
  expect(stolen).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  const moved = await world.refresh(body.refresh_token, { web_session: "another" });
  expect(moved).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  expect(moved.body).toEqual((await world.refresh("never-issued")).body);
  world.pass(23.5 * 3600);
  const late = await world.refresh(body.refresh_token);
  expect(late).toMatchObject({ status: 200, body: { expires_in: 1800 } });
  world.pass(1800);
  expect(await world.refresh(late.body.refresh_token)).toMatchObject({ status: 400 });
});

test("WWSF-10b WAF-07c after logout a refresh is refused and the session's tokens are revoked", async () => {
  const world = await open();
  const revocations = revocationsOf(world);
  const desk = await world.exchange("mary", { web_session: "desk" });
  const phone = await world.exchange("mary", { web_session: "phone" });
  expect(world.waf.isRevoked(sessionOf(desk.body.access_token))).toBe(false);
  expect(await world.revoke(desk.body.refresh_token)).toMatchObject({ status: 200 });
  expect(revocations).toMatchObject([{ ...sessionOf(desk.body.access_token), reason: "logout" }]);
  expect(world.waf.isRevoked(sessionOf(desk.body.access_token))).toBe(true);
  expect(await world.refresh(desk.body.refresh_token)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  expect(world.waf.isRevoked(sessionOf(phone.body.access_token))).toBe(false);
  expect((await world.refresh(phone.body.refresh_token)).status).toBe(200);
});

test("WAF-07b revocation takes access tokens too, passes over unknown ones, and never reaches another client", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const claims = sessionOf(body.access_token);
  expect((await world.revoke("unknown")).status).toBe(200);
  const foreign = { client_assertion: await world.otherAssertion() };
  expect((await world.revoke(body.refresh_token, foreign)).status).toBe(200);
  foreign.client_assertion = await world.otherAssertion();
  expect((await world.revoke(body.access_token, foreign)).status).toBe(200);
  expect(world.waf.isRevoked(claims)).toBe(false);
  expect((await world.revoke(body.access_token)).status).toBe(200);
  expect(world.waf.isRevoked(claims)).toBe(true);
});

test("WWSF-05a WWSF-06c GEN-04a sticky: the user keeps her identity over logout, expiry and a reopened file", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  await before.exchange("ken");
  const first = await before.exchange("mary");
  await before.revoke(first.body.refresh_token);
  expect((await before.exchange("mary")).body.ims).toEqual(first.body.ims);
  before.pass(30 * 24 * 3600);
  expect((await before.exchange("mary")).body.ims).toEqual(first.body.ims);
  await before.close();
  const after = await open({ path });
  expect((await after.exchange("olivia")).body.ims.impu).not.toBe(first.body.ims.impu);
  expect((await after.exchange("mary")).body.ims).toEqual(first.body.ims);
});

test("a revocation outlives a restart", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const { body } = await before.exchange("mary");
  await before.revoke(body.refresh_token);
  await before.close();
  const after = await open({ path });
  expect(after.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
});

test("WWSF-04c WWSF-05b dynamic: the identity goes back when the last web session ends", async () => {
  const world = await open({ tenants: [dynamic, other] });
  const desk = await world.exchange("mary", { web_session: "desk" });
  const phone = await world.exchange("mary", { web_session: "phone" });
  await world.revoke(desk.body.refresh_token);
  expect(await world.store.assignments.holding(desk.body.ims.impu)).toBeDefined();
  await world.revoke(phone.body.refresh_token);
  expect(await world.store.assignments.holding(desk.body.ims.impu)).toBeUndefined();
});

test("WWSF-06a WWSF-06b WAF-10 an identity is free only after its token, its registration and its quarantine are over", async () => {
  const world = await open({ tenants: [dynamic, other] });
  const { body } = await world.exchange("mary");
  const { sessionId } = sessionOf(body.access_token);
  const { impu } = body.ims;
  const fact = { impu, sessionId, reason: "test" };
  await world.waf.reportRegistration({
    ...fact,
    state: "registered",
    confirmed: true,
    expiresAt: world.now + 5000_000,
  });
  await world.revoke(body.refresh_token);
  world.pass(601);
  expect((await world.exchange("ken")).body.reason, "token lives").toBe("block_exhausted");
  world.pass(3060);
  expect((await world.exchange("ken")).body.reason, "registration lives").toBe("block_exhausted");
  await world.waf.reportRegistration({ ...fact, state: "deregistered", confirmed: false });
  expect((await world.exchange("ken")).body.reason, "not confirmed").toBe("block_exhausted");
  await world.waf.reportRegistration({ ...fact, state: "deregistered", confirmed: true });
  expect((await world.exchange("ken")).body.ims.impu).toBe(impu);
});

test("WWSF-06a WWSF-06b an identity without a registration rests as long as a token of its former holder could be taken", async () => {
  const world = await open({ tenants: [acmeWith({ count: 1, quarantineSeconds: 0 }), other] });
  const { body } = await world.exchange("mary");
  world.pass(100);
  await world.refresh(body.refresh_token);
  expect(await world.waf.endAssignment(body.ims.impu, "left", "op")).toBe(true);
  const end = 3600 + 60;
  world.pass(end - 1);
  expect((await world.exchange("ken")).body.reason).toBe("block_exhausted");
  world.pass(1);
  expect((await world.exchange("ken")).body.ims.impu).toBe(body.ims.impu);
});

test("WWSF-05b dynamic: a guest who closes the tab gives the identity back, though every exchange fails meanwhile", async () => {
  const world = await open({ tenants: [dynamic, other] });
  await world.exchange("guest");
  world.pass(3661);
  expect((await world.exchange("next")).body.reason).toBe("block_exhausted");
  world.pass(300);
  expect((await world.exchange("next")).body.reason).toBe("block_exhausted");
  world.pass(300);
  expect((await world.exchange("next")).status).toBe(200);
});

test("another user on the same web session ends the former's session", async () => {
  const world = await open();
  const revocations = revocationsOf(world);
  const mary = await world.exchange("mary", { web_session: "shared" });
  const ken = await world.exchange("ken", { web_session: "shared" });
  expect(ken.body.ims.impu).not.toBe(mary.body.ims.impu);
  expect(revocations).toMatchObject([{ ...sessionOf(mary.body.access_token), reason: "user_changed" }]);
});

test("ending an assignment ends all its sessions and puts the identity into quarantine", async () => {
  const world = await open({ tenants: [acmeWith({ count: 1 }), other] });
  const revocations = revocationsOf(world);
  const { body } = await world.exchange("mary");
  const { impu } = body.ims;
  expect(await world.waf.endAssignment(impu, "user_disabled", "op")).toBe(true);
  expect(await world.waf.endAssignment(impu, "user_disabled", "op")).toBe(false);
  expect(revocations).toEqual([{ impu, tenant: "acme", reason: "user_disabled" }]);
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await world.exchange("ken")).body.reason).toBe("block_exhausted");
  world.pass(3661);
  expect((await world.exchange("ken")).body.ims.impu).toBe(impu);
});

test("a user at the limit of her sessions loses the oldest, and her identity never, dynamic or not", async () => {
  for (const tenant of [acme, dynamic]) {
    const world = await open({ tenants: [{ ...tenant, limits: { sessionsPerUser: 2 } }, other] });
    const revocations = revocationsOf(world);
    const sessions = [];
    for (const session of ["one", "two", "three"]) {
      sessions.push((await world.exchange("mary", { web_session: session })).body);
      world.pass(1);
    }
    const [first] = sessions.map(({ access_token }) => sessionOf(access_token));
    expect(revocations).toMatchObject([{ ...first, reason: "too_many_sessions" }]);
    expect(new Set(sessions.map(({ ims }) => ims.impu)).size).toBe(1);
    expect((await world.refresh(sessions[2]?.refresh_token ?? "")).status).toBe(200);
  }
});

test("an exchange under way while its tenant is suspended leaves no session behind", async () => {
  const answer = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const jwksUri = "https://idp.acme.test/jwks";
  const world = await open({
    tenants: [{ ...acme, identityProviders: [{ issuer: acmeIssuer, audience: acmeAudience, jwksUri }] }, other],
    fetch: () => {
      asked.resolve();
      return answer.promise;
    },
  });
  const underWay = world.exchange("mary");
  await asked.promise;
  await world.waf.tenants.suspend("acme", { by: "op" });
  answer.resolve(Response.json({ keys: [keys.acmeProvider.public] }));
  expect((await underWay).body.reason).toBe("tenant_suspended");
  expect((await world.waf.usage("acme")).sessions).toBe(0);
});

test("WAF-06a an access token lives an hour by default and never more than a day", async () => {
  const world = await open();
  const { exp, iat } = claimsOf((await world.exchange("mary")).body.access_token);
  expect(Number(exp) - Number(iat)).toBe(3600);
  await expect(World.open({ accessTokenSeconds: 86_401 })).rejects.toMatchObject({ code: "configuration" });
});

test("WAF-06b a clock that is 60 seconds off is tolerated, one that is further off is not", async () => {
  const world = await open();
  const at = async (seconds: number): Promise<string> => {
    const client_assertion = await world.assertion({ nbf: world.seconds + seconds, exp: world.seconds + 200 });
    return (await world.exchange("mary", { client_assertion })).body.reason;
  };
  expect(await at(60)).toBeUndefined();
  expect(await at(61)).toBe("client_assertion_claim");
  const late = await world.idToken("mary", { exp: world.seconds - 59 });
  expect((await world.exchange("mary", { subject_token: late })).status).toBe(200);
  const later = await world.idToken("mary", { exp: world.seconds - 60 });
  expect((await world.exchange("mary", { subject_token: later })).body.reason).toBe("subject_token_expired");
});

test("WAF-13 TURN credentials end with the access token and follow from the shared secret", async () => {
  const turn = { urls: ["turns:turn.op.test:443?transport=tcp"], secret: "shared" };
  const world = await open({ turn });
  const { body } = await world.exchange("mary");
  const username = `${world.seconds + 3600}:${String(claimsOf(body.access_token).sub)}`;
  const credential = createHmac("sha1", "shared").update(username).digest("base64");
  expect(body.ims).toMatchObject({ iceServers: [{ urls: turn.urls, username, credential }] });
});

test("WWSF-16 the history of an identity says who held it from when to when", async () => {
  const world = await open({ tenants: [acmeWith({ count: 1, quarantineSeconds: 0 }), other] });
  const t0 = world.now;
  const { body } = await world.exchange("mary");
  world.pass(100);
  await world.waf.endAssignment(body.ims.impu, "left", "op");
  world.pass(3600);
  await world.exchange("ken");
  expect(await world.waf.history(body.ims.impu)).toMatchObject([
    { subject: "ken", issuer: "https://idp.acme.test", startedAt: t0 + 3_700_000, endedAt: undefined },
    { subject: "mary", startedAt: t0, endedAt: t0 + 100_000, endReason: "left" },
  ]);
  const records = await world.store.audit.page("acme", 9, { subject: body.ims.impu });
  expect(records.map(({ action, at, person }) => [action, at, person])).toEqual([
    ["assignment.begin", t0 + 3_700_000, "https://idp.acme.test ken"],
    ["assignment.end", t0 + 100_000, undefined],
    ["assignment.begin", t0, "https://idp.acme.test mary"],
  ]);
});

test("the identities look-up finds a colleague who is offline, and nobody of another tenant", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  await world.revoke(body.refresh_token);
  const found = await world.post("identities", { subject: "mary" });
  expect(found).toMatchObject({ status: 200, body: { impu: body.ims.impu, tel: body.ims.tel } });
  expect(await world.post("identities", { subject: "ken" })).toMatchObject({
    status: 404,
    body: { error: "not_found", reason: "no_assignment" },
  });
  const foreign = await world.post("identities", { subject: "mary", client_assertion: await world.otherAssertion() });
  expect(foreign.status).toBe(404);
});

test("suspending a tenant ends its sessions, refuses new ones, and lasts over a restart", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const revocations = revocationsOf(before);
  const { body } = await before.exchange("mary");
  const bystander = await before.exchange("x", {
    client_assertion: await before.otherAssertion(),
    subject_token: await before.otherIdToken("x"),
  });
  await before.waf.tenants.suspend("acme", { by: "op" });
  expect(revocations).toEqual([{ tenant: "acme", reason: "tenant_suspended" }]);
  expect(before.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect(before.waf.isRevoked(sessionOf(bystander.body.access_token))).toBe(false);
  expect(await before.waf.block.find(body.ims.impu)).toBeUndefined();
  expect(await before.exchange("mary")).toMatchObject({ status: 403, body: { error: "access_denied" } });
  expect(await before.refresh(body.refresh_token)).toMatchObject({ status: 403 });
  await before.close();

  const after = await open({ path });
  expect(await after.exchange("mary")).toMatchObject({ status: 403, body: { reason: "tenant_suspended" } });
  await after.waf.tenants.resume("acme", { by: "op" });
  expect((await after.exchange("mary")).body.ims).toEqual(body.ims);
  expect(after.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
});

test("a clock that was ahead for a while does not keep sweeps from their work later", async () => {
  const world = await open();
  const day = 24 * 3600;
  world.pass(200 * day);
  const ahead = await world.exchange("mary");
  world.pass(-200 * day);
  expect((await world.revoke(ahead.body.access_token)).status).toBe(200);
  world.pass(100 * day);
  await world.waf.sweep();
  expect((await world.exchange("mary")).body.ims).toEqual(ahead.body.ims);
});
