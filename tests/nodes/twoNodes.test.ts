import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Lab } from "@portico/lab";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Collector } from "../../apps/portico/test/support/collector.ts";
import type { WebPhone } from "../core/webPhone.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { issuer, PortalNode } from "./node.ts";
import { NodePair } from "./nodePair.ts";
import { type Grant, ThirdParty } from "./thirdParty.ts";

const missing = needPackages(["postgresql", "redis-server"]);
/** What a change on one node may take to be in force on another, milliseconds. */
const soon = 2000;

interface Live {
  readonly items: readonly { readonly id: string; readonly node: string; readonly impu: string }[];
  readonly nextCursor?: string;
  readonly silent?: readonly string[];
}

/** Two portals, processes of their own, on one PostgreSQL, one Valkey or Redis and one core. */
describe.skipIf(missing !== undefined)("two nodes", () => {
  const phones: WebPhone[] = [];
  let pair: NodePair;
  let collector: Collector;
  let lab: Lab;
  let a: PortalNode;
  let b: PortalNode;
  let acme: ThirdParty;
  let key: string;

  beforeAll(async () => {
    collector = await Collector.open(() => undefined);
    const subscriptions = Array.from({ length: 20 }, (_, n) => {
      const user = `u${String(n + 1).padStart(4, "0")}`;
      return { impi: `${user}.acme@ims.test`, impu: `sip:${user}@acme.ims.test` };
    });
    pair = await NodePair.start(subscriptions, { telemetry: { otlp: collector.url } });
    ({ lab, adminKey: key } = pair);
    [a, b] = pair.nodes;
    acme = await ThirdParty.create("acme", issuer);
    await a.ask(key, "POST", "/tenants", acme.document(20));
  });
  afterEach(() => {
    for (const phone of phones.splice(0)) phone.drop();
  });
  afterAll(async () => {
    await pair?.close();
    await collector?.close();
  });

  const phone = async (node: PortalNode, grant: Grant): Promise<WebPhone> => {
    const opened = await node.phone(acme, grant);
    phones.push(opened);
    return opened;
  };
  const registered = async (node: PortalNode, user: string): Promise<{ phone: WebPhone; grant: Grant }> => {
    const grant = await acme.grant(node.url, user);
    const opened = await phone(node, grant);
    expect((await opened.register()).status).toBe(200);
    return { phone: opened, grant };
  };
  const contacts = (impu: string): number =>
    lab.registrations.filter((one) => one.impu === impu).flatMap((one) => one.contacts).length;
  test("ADM-02 ADM-09c a tenant suspended on one node has its registrations on the other ended within 2 s", async () => {
    const both = [await registered(a, "mary"), await registered(b, "ken")];
    for (const { grant } of both) expect(contacts(grant.ims.impu)).toBe(1);
    const since = performance.now();
    await a.ask(key, "POST", "/tenants/acme/suspend", {});
    for (const { phone: ended, grant } of both) {
      await eventually(
        () => contacts(grant.ims.impu),
        (count) => count === 0,
        soon,
      );
      await eventually(
        () => ended.closed,
        (closed) => closed !== undefined,
        soon,
      );
    }
    expect(performance.now() - since).toBeLessThan(soon);
    expect((await acme.signIn(b.url, "mary")).status).toBe(403);
    await b.ask(key, "POST", "/tenants/acme/resume", {});
    expect((await acme.signIn(a.url, "mary")).status).toBe(200);
  });

  test("WAF-07b WAF-07c ADM-09c a token revoked on one node is refused on the other within 2 s, and what it holds there ends", async () => {
    const { phone: mary, grant } = await registered(b, "mary");
    const since = performance.now();
    expect((await acme.revoke(a.url, grant.refresh_token)).status).toBe(200);
    await eventually(
      () => contacts(grant.ims.impu),
      (count) => count === 0,
      soon,
    );
    await eventually(
      () => mary.closed,
      (closed) => closed !== undefined,
      soon,
    );
    expect(performance.now() - since).toBeLessThan(soon);
    expect((await (await phone(b, grant)).register()).status).toBe(401);
    expect((await acme.refresh(b.url, grant.refresh_token)).status).toBe(400);
  });

  test("WAF-07a ADM-09c both nodes sign with one set of keys: each verifies what the other signed, also right after a rotation", async () => {
    expect((await jwks(a)).keys).toEqual((await jwks(b)).keys);
    const before = await acme.grant(b.url, "mary");
    await jwtVerify(before.access_token, createLocalJWKSet(await jwks(a)), { issuer });

    await a.ask(key, "POST", "/signing-keys/rotate", { atOnce: true });
    const after = await acme.grant(a.url, "mary");
    // At once: B has not looked for new keys by itself yet.
    expect((await (await phone(b, after)).register()).status).toBe(200);
    const keys = await eventually(
      () => jwks(b),
      (set) => set.keys.length === 2,
      soon,
    );
    expect(keys).toEqual(await jwks(a));
    for (const { access_token } of [before, after, await acme.grant(b.url, "mary")]) {
      await jwtVerify(access_token, createLocalJWKSet(keys), { issuer });
    }
    // The key before still verifies on either node.
    expect((await (await phone(a, await acme.grant(b.url, "ken"))).register()).status).toBe(200);
  });

  test("WAF-07a private keys lie sealed in the database, and a node with another secret does not start", async () => {
    const rows = await pair.postgres.query<{ name: string; sealed: string }>("select name, sealed from kept_keys");
    expect(rows.map(({ name }) => name).toSorted()).toEqual(["audit", "token-recipient", "token-signing"]);
    for (const { sealed } of rows)
      expect(Buffer.from(sealed.slice(2), "base64url").toString("latin1")).not.toMatch(/"d"|PRIVATE/);
    const settings = { ...pair.shared.settings, keySecret: "0".repeat(64) };
    const stranger = await PortalNode.prepare(join(pair.folder, "stranger"), { lab, settings });
    await expect(stranger.run()).rejects.toThrow("ended before it was ready");
    expect(stranger.log).toContain("Give every node the same keySecret");
  });

  test("WAF-12a ADM-09c a client's requests are counted together, however they are spread over the nodes", async () => {
    const limited = await ThirdParty.create("limited", issuer);
    await a.ask(key, "POST", "/tenants", limited.document(5, { limits: { tokenRate: { burst: 6, perSecond: 0.01 } } }));
    const statuses = [];
    for (let n = 0; n < 12; n += 1)
      statuses.push((await limited.signIn((n % 2 === 0 ? a : b).url, `u${n % 5}`)).status);
    expect(statuses).toEqual([...Array(6).fill(200), ...Array(6).fill(429)]);
  });

  test("ADM-06a ADM-06b ADM-09c one node lists what both hold, page by page, and ends what the other holds", async () => {
    // Those of the tests before have left.
    await eventually(
      () => lab.registrations.length,
      (count) => count === 0,
    );
    const both = [await registered(a, "mary"), await registered(b, "ken"), await registered(b, "olivia")];
    const nodes = await a.ask<{ items: { name: string; self: boolean }[] }>(key, "GET", "/nodes");
    expect(new Map(nodes.items.map(({ name, self }) => [name, self]))).toEqual(
      new Map([
        [a.name, true],
        [b.name, false],
      ]),
    );
    const list = (query: string): Promise<Live> => a.ask<Live>(key, "GET", `/registrations${query}`);
    const whole = await list("");
    expect(new Map(whole.items.map(({ impu, node }) => [impu, node]))).toEqual(
      new Map(both.map(({ grant }, n) => [grant.ims.impu, n === 0 ? a.name : b.name])),
    );
    expect(whole.silent).toBeUndefined();
    const first = await list("?limit=2");
    const rest = await list(`?limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items]).toEqual(whole.items);
    expect(rest.nextCursor).toBeUndefined();
    expect((await list(`?node=${b.name}`)).items).toHaveLength(2);

    const [, ken] = both;
    const id = whole.items.find(({ impu }) => impu === ken?.grant.ims.impu)?.id;
    expect((await a.admin(key, "DELETE", `/registrations/${id}?node=${a.name}`)).status).toBe(404);
    expect(await a.ask(key, "DELETE", `/registrations/${id}`)).toEqual({ confirmed: true });
    await eventually(
      () => ken?.phone.closed,
      (closed) => closed !== undefined,
      soon,
    );
    expect((await list("")).items).toHaveLength(2);
    expect((await a.admin(key, "DELETE", `/registrations/${id}`)).status).toBe(404);
  });

  test("ADM-06a ADM-09c the stream of either node tells what happens on both, once, and on which; what carries it cannot read it", async () => {
    const leaving = new AbortController();
    onTestFinished(() => leaving.abort());
    const streams = [await a.events(key, leaving.signal), await b.events(key, leaving.signal)];
    const both = [await registered(a, "mary"), await registered(b, "ken")];
    for (const stream of streams) {
      const told = await eventually(
        () => stream.data.map((text) => JSON.parse(text) as { change?: string; impu?: string; node: string }),
        (some) => both.every(({ grant }) => some.some(({ impu }) => impu === grant.ims.impu)),
        soon,
      );
      const registrations = told.filter(({ change }) => change === "registered");
      expect(registrations).toHaveLength(both.length);
      const where = new Map(registrations.map(({ impu, node }) => [impu, node]));
      expect(where).toEqual(new Map(both.map(({ grant }, n) => [grant.ims.impu, n === 0 ? a.name : b.name])));
    }
    expect(pair.valkey.written).toContain("XADD");
    for (const { grant } of both) expect(pair.valkey.written).not.toContain(grant.ims.impu);
  });

  test("ADM-01 ADM-09c a tenant's limit of registrations is that of both nodes together, and a place that comes free is free on both", async () => {
    for (const node of [a, b]) {
      await eventually(
        () => node.ask<Live>(key, "GET", `/registrations?node=${node.name}`),
        ({ items }) => items.length === 0,
      );
    }
    const limits = { registrations: 2 };
    await a.ask(key, "PUT", "/tenants/acme", acme.document(20, { limits }));
    onTestFinished(async () => void (await a.ask(key, "PUT", "/tenants/acme", acme.document(20))));
    const { phone: mary } = await registered(a, "mary");
    await registered(b, "ken");
    const [atA, atB] = [
      await phone(a, await acme.grant(a.url, "olivia")),
      await phone(b, await acme.grant(b.url, "peggy")),
    ];
    expect([(await atA.register()).status, (await atB.register()).status]).toEqual([480, 480]);
    expect((await mary.register(0)).status).toBe(200);
    await eventually(
      async () => (await atB.register()).status,
      (status) => status === 200,
      soon,
    );
    expect((await atA.register()).status).toBe(480);
  });

  test("ADM-07e a request that one node asks the other for is one trace, and the registration of a browser is a span", async () => {
    const traceId = randomBytes(16).toString("hex");
    const asker = randomBytes(8).toString("hex");
    const { phone: mary, grant } = await registered(a, "mary");
    await a.admin(key, "GET", "/registrations", undefined, { traceparent: `00-${traceId}-${asker}-01` });
    expect((await mary.register(0)).status).toBe(200);
    const spans = await eventually(
      () => collector.spans,
      (some) =>
        some.filter((span) => span.traceId === traceId).length === 2 &&
        some.some(({ name }) => name === "registration"),
    );
    const [first, second] = spans
      .filter((span) => span.traceId === traceId)
      .toSorted((one) => (one.parentSpanId === asker ? -1 : 1));
    expect(first).toMatchObject({ parentSpanId: asker, name: "GET /admin/v1/registrations" });
    expect(second).toMatchObject({ parentSpanId: first?.spanId, name: "GET /admin/v1/registrations" });
    expect(collector.faults).toEqual([]);
    for (const text of collector.taken) expect(text).not.toContain(grant.ims.impu);
  });

  test("ADM-09c a node that is killed is told as silent, and its registrations are ended when it is back", async () => {
    const { grant } = await registered(b, "ken");
    const unexpected = [...a.alarms, ...b.alarms].filter((line) => !line.includes("tenant.registrations-full"));
    expect(unexpected).toEqual([]);
    await b.end("SIGKILL");
    const listed = await a.ask<Live>(key, "GET", "/registrations");
    expect(listed.silent).toEqual([b.name]);
    // What the dead node held, the living one keeps out of no one's way: she comes by it.
    const again = await acme.grant(a.url, "ken");
    expect(again.ims).toEqual(grant.ims);
    expect((await (await phone(a, again)).register()).status).toBe(200);
    await b.run();
    await eventually(
      () => contacts(grant.ims.impu),
      (count) => count === 1,
    );
    const now = await a.ask<Live>(key, "GET", "/registrations");
    expect(now.silent).toBeUndefined();
  });
});

async function jwks({ url }: PortalNode): Promise<JSONWebKeySet> {
  return (await (await fetch(`${url}/waf/jwks`)).json()) as JSONWebKeySet;
}
