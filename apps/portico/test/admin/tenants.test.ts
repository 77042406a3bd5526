import { expect, test, vi } from "vitest";
import { Rig } from "./rig.ts";
import { madeLease } from "./samples.ts";
import { clientOf, publicKey, tenantOf } from "./tenants.ts";

vi.setConfig({ testTimeout: 60_000 });

test("ADM-01 a tenant is made, read, changed with its ETag and removed over the API, each in the audit with its actor", async () => {
  const rig = await Rig.open();
  const made = await rig.ask("POST", "/tenants", { body: tenantOf("globex") });
  expect([made.status, made.headers.get("location")]).toEqual([201, "/admin/v1/tenants/globex"]);
  expect(made.body).toMatchObject({ id: "globex", source: "api", standing: "active", document: tenantOf("globex") });
  const etag = made.headers.get("etag") ?? "";
  expect((await rig.ask("GET", "/tenants/globex")).headers.get("etag")).toBe(etag);
  expect((await rig.ask("GET", "/tenants/globex", { headers: { "if-none-match": etag } })).status).toBe(304);
  const body = { ...tenantOf("globex"), name: "Globex AG" };
  const put = (headers: Record<string, string>) => rig.ask("PUT", "/tenants/globex", { body, headers });
  expect((await put({})).body.code).toBe("precondition_required");
  expect((await put({ "if-match": '"1000"' })).body.code).toBe("precondition_failed");
  expect((await put({ "if-match": `W/${etag}` })).body.code).toBe("precondition_failed");
  const changed = await put({ "if-match": etag });
  expect([changed.status, changed.headers.get("etag") === etag]).toEqual([200, false]);
  expect((await put({ "if-match": etag })).body.code).toBe("precondition_failed");
  const again = await rig.ask("POST", "/tenants", { body: tenantOf("globex") });
  expect(again.body.code).toBe("already_exists");
  const { actor } = (await rig.ask("GET", "/me")).body;
  const trail = (await rig.ask("GET", "/audit?tenant=globex")).body.items ?? [];
  expect(trail.map((one) => [one["action"], one["actor"]])).toEqual(
    expect.arrayContaining([
      ["tenant.create", actor],
      ["tenant.replace", actor],
      ["admin.replaceTenant", actor],
      ["admin.replaceTenant.failed", actor],
    ]),
  );
  const latest = changed.headers.get("etag") ?? "";
  expect((await rig.ask("DELETE", "/tenants/globex", { headers: { "if-match": latest } })).status).toBe(204);
  expect((await rig.ask("GET", "/tenants/globex")).status).toBe(404);
});

test("a document that contradicts itself is refused with the pointers of all that is wrong", async () => {
  const rig = await Rig.open();
  const body = {
    ...tenantOf("globex"),
    origins: ["https://talk.globex.test/path"],
    clients: [clientOf("a"), clientOf("a")],
  };
  const { status, body: problem } = await rig.ask("POST", "/tenants", { body });
  expect([status, problem.code]).toEqual([422, "unusable"]);
  expect(problem.errors).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ in: "body", pointer: "/origins/0" }),
      expect.objectContaining({ in: "body", pointer: "/clients/1/clientId" }),
    ]),
  );
});

test("of many who change a tenant from the same version one does, and none undoes it", async () => {
  const rig = await Rig.open();
  const etag = (await rig.ask("GET", "/tenants/acme")).headers.get("etag") ?? "";
  const names = Array.from({ length: 12 }, (_, n) => `Acme ${n}`);
  const answers = await Promise.all(
    names.map((name) =>
      rig.ask("PUT", "/tenants/acme", { body: { ...tenantOf("acme"), name }, headers: { "if-match": etag } }),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200,
    ...Array.from({ length: 11 }, () => 412),
  ]);
  const winner = names[answers.findIndex(({ status }) => status === 200)];
  expect((await rig.waf.tenants.get("acme")).document.name).toBe(winner);
});

test("clients added side by side are all there: what demands no version is tried again", async () => {
  const rig = await Rig.open();
  const ids = ["a", "b", "c"];
  const answers = await Promise.all(ids.map((id) => rig.ask("POST", "/tenants/acme/clients", { body: clientOf(id) })));
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  const { items = [] } = (await rig.ask("GET", "/tenants/acme/clients")).body;
  expect(items.map((one) => String(one["clientId"])).toSorted((a, b) => a.localeCompare(b))).toEqual([
    "a",
    "b",
    "c",
    "talk.acme.test",
  ]);
});

test("a client's key is rotated by its own administrator: the new one in, the old one out, never none", async () => {
  const rig = await Rig.open();
  const key = await rig.keyOf("tenant-admin");
  const keys = "/tenants/acme/clients/talk.acme.test/keys";
  const kids = async () => ((await rig.ask("GET", keys, { key })).body.items ?? []).map((one) => one["kid"]);
  expect(await kids()).toEqual(["first", "second"]);
  const added = await rig.ask("POST", keys, { key, body: { ...publicKey, kid: "third" } });
  expect(added.status).toBe(201);
  const twice = await rig.ask("POST", keys, { key, body: { ...publicKey, kid: "third" } });
  expect(twice.body.code).toBe("already_exists");
  const secret = await rig.ask("POST", keys, { key, body: { ...publicKey, kid: "fourth", d: "c2VjcmV0" } });
  expect(secret.body.code).toBe("unusable");
  const removed = async (kid: string) =>
    (await rig.ask("DELETE", `${keys}/${kid}`, { key, headers: { "if-match": "*" } })).status;
  expect([await removed("first"), await removed("first"), await removed("second")]).toEqual([204, 404, 204]);
  expect(await kids()).toEqual(["third"]);
  expect(await removed("third")).toBe(422);
});

test("one Idempotency-Key makes one tenant, however often and however much at once it is sent", async () => {
  const rig = await Rig.open();
  const create = (body: unknown, headers = { "idempotency-key": '"order-17"' }) =>
    rig.ask("POST", "/tenants", { body, headers });
  const answers = await Promise.all(Array.from({ length: 8 }, () => create(tenantOf("globex"))));
  const statuses = new Set(answers.map(({ status, body }) => `${status} ${body.code ?? body.id}`));
  expect([...statuses].every((one) => one === "201 globex" || one === "409 idempotency_busy")).toBe(true);
  expect(statuses).toContain("201 globex");
  const repeated = await create(tenantOf("globex"));
  expect([repeated.status, repeated.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
  expect(repeated.headers.get("etag")).toBe(answers.find(({ status }) => status === 201)?.headers.get("etag"));
  // The same document, written in another order, is the same request; another one is not.
  const turned = Object.fromEntries(Object.entries(tenantOf("globex")).toReversed());
  expect((await create(turned)).status).toBe(201);
  expect((await create(tenantOf("initech"))).body.code).toBe("idempotency_mismatch");
  const made = (await rig.waf.tenants.list()).map(({ id }) => id);
  expect(made).toEqual(["acme", "globex", "other"]);
  // A creation that failed does not use its key up.
  const headers = { "idempotency-key": "order-18" };
  expect((await create({ ...tenantOf("hooli"), origins: ["nonsense"] }, headers)).status).toBe(422);
  expect((await create(tenantOf("hooli"), headers)).status).toBe(201);
});

test("a creation whose process died can be repeated after a minute", async () => {
  const rig = await Rig.open();
  const { actor = "" } = (await rig.ask("GET", "/me")).body as { actor?: string };
  const headers = { "idempotency-key": "order-19" };
  await rig.store.idempotency.claim(actor, "order-19", "of-the-dead", rig.now);
  const create = () => rig.ask("POST", "/tenants", { body: tenantOf("globex"), headers });
  expect((await create()).body.code).toBe("idempotency_mismatch");
  rig.clock.ahead += 61_000;
  expect((await create()).status).toBe(201);
});

test("ADM-02 ADM-06b suspending a tenant ends its sessions, and the API says so until it is resumed", async () => {
  const rig = await Rig.open();
  const revoked: unknown[] = [];
  rig.waf.onRevoked((revocation) => revoked.push(revocation));
  const { lease } = await madeLease(rig, "acme");
  const suspended = await rig.ask("POST", "/tenants/acme/suspend", { body: { reason: "unpaid" } });
  expect(suspended.body).toMatchObject({ id: "acme", standing: "suspended" });
  expect(revoked.length).toBeGreaterThan(0);
  expect((await rig.ask("GET", `/tenants/acme/leases/${lease}`)).body).toHaveProperty("endedAt");
  expect((await rig.ask("GET", "/tenants?standing=suspended")).body.items).toMatchObject([{ id: "acme" }]);
  const resumed = await rig.ask("POST", "/tenants/acme/resume", { body: {} });
  expect(resumed.body).toMatchObject({ standing: "active" });
});

test("ADM-03b ADM-06a identities are listed page by page, counted and exported for the HSS; the IMPI is the operator's", async () => {
  const rig = await Rig.open();
  await madeLease(rig, "acme");
  const seen: unknown[] = [];
  let cursor = "";
  do {
    const { body } = await rig.ask("GET", `/tenants/acme/entries?limit=90${cursor && `&cursor=${cursor}`}`);
    seen.push(...(body.items ?? []).map((one) => one["impu"]));
    cursor = body.nextCursor ?? "";
  } while (cursor !== "");
  expect([seen.length, new Set(seen).size]).toEqual([200, 200]);
  const held = await rig.ask("GET", "/tenants/acme/entries?state=held");
  expect(held.body.items).toMatchObject([{ impi: "u0001.acme@ims.test", state: "held" }]);
  const mine = await rig.ask("GET", "/tenants/acme/entries?limit=1", { key: await rig.keyOf("tenant-admin") });
  expect(mine.body.items?.[0]).not.toHaveProperty("impi");
  expect((await rig.ask("GET", "/tenants/acme/blocks/usage")).body).toMatchObject({
    size: 200,
    assigned: 1,
    free: 199,
  });
  const lines = (await rig.ask("GET", "/tenants/acme/entries/export")).text.split("\r\n");
  expect([lines.length, lines[0], lines[1]]).toEqual([
    202,
    "tenant,block,impi,impu,alias,allowed",
    expect.stringMatching(/^acme,main,u0001\.acme@ims\.test,sip:u0001@acme\.ims\.test,,https?:\S+ \S+$/),
  ]);
  const objects = JSON.parse((await rig.ask("GET", "/tenants/acme/entries/export?format=json")).text);
  expect(objects[0]).toMatchObject({ tenant: "acme", impu: "sip:u0001@acme.ims.test" });
});

test("ADM-03b identities are imported as CSV and JSON: all, or none with every wrong row told; and withdrawn again", async () => {
  const rig = await Rig.open();
  const path = "/tenants/acme/blocks/main/entries";
  const csv = (body: string) => rig.ask("POST", path, { body, headers: { "content-type": "text/csv" } });
  const good = "impu,tel\r\nsip:x1@acme.ims.test,+12025550101\r\nsip:x2@acme.ims.test,+12025550102\r\n";
  const wrong = await csv(`${good}sip:x3@elsewhere.test,\r\nsip:x1@acme.ims.test,\r\n`);
  expect([wrong.status, wrong.body.errors]).toEqual([
    422,
    [
      { in: "body", pointer: "/row/4/impu", detail: "must be in the block's domain acme.ims.test" },
      expect.objectContaining({ pointer: "/row/5" }),
      expect.objectContaining({ pointer: "/row/5" }),
    ],
  ]);
  expect((await csv(good)).body).toEqual({ added: 2 });
  expect((await rig.ask("POST", path, { body: [{ impu: "sip:x4@acme.ims.test" }] })).body).toEqual({ added: 1 });
  // The same again changes nothing, as the size below says.
  expect((await csv(good)).status).toBe(200);
  expect((await rig.ask("POST", "/tenants/acme/blocks/none/entries", { body: [] })).status).toBe(404);
  const usage = await rig.ask("GET", "/tenants/acme/blocks/usage");
  expect(usage.body).toMatchObject({ size: 203, blocks: [{ id: "main", size: 203, free: 203 }] });
  const withdraw = (...impus: string[]) => rig.ask("POST", "/tenants/acme/entries/withdraw", { body: { impus } });
  expect((await withdraw("sip:x1@acme.ims.test", "sip:x1@other.ims.test")).body).toEqual({ withdrawn: 1 });
  expect((await withdraw("sip:u0001@acme.ims.test")).body.code).toBe("state_conflict");
});

test("WWSF-16 ADM-06b who held which identity is told; an assignment and a web session are ended by hand", async () => {
  const rig = await Rig.open();
  const key = await rig.keyOf("tenant-admin");
  const mary = await madeLease(rig, "acme", "mary");
  const list = await rig.ask("GET", "/tenants/acme/assignments?state=live&subject=mary", { key });
  expect(list.body.items).toMatchObject([{ id: mary.assignment, subject: "mary", impu: mary.impu }]);
  expect((await rig.ask("GET", `/tokens/${mary.jti}`, { key })).body).toMatchObject({ lease: mary.lease, live: true });
  expect((await rig.ask("DELETE", `/tokens/${mary.jti}`, { key })).status).toBe(204);
  expect((await rig.ask("GET", `/tokens/${mary.jti}`, { key })).body).toMatchObject({ live: false });
  expect((await rig.ask("GET", "/tenants/acme/leases?state=ended", { key })).body.items).toMatchObject([
    { id: mary.lease },
  ]);
  expect((await rig.ask("DELETE", `/tenants/acme/assignments/${mary.assignment}`, { key })).status).toBe(204);
  const history = await rig.ask("GET", `/tenants/acme/entries/${encodeURIComponent(mary.impu)}/history`, { key });
  expect(history.body.items).toMatchObject([{ subject: "mary", endReason: "ended_by_administration" }]);
  const given = await rig.ask("POST", "/tenants/acme/assignments", {
    key,
    body: { subject: "ken", impu: "sip:u0007@acme.ims.test" },
  });
  expect([given.status, given.body["impu"]]).toEqual([201, "sip:u0007@acme.ims.test"]);
  const taken = await rig.ask("POST", "/tenants/acme/assignments", {
    key,
    body: { subject: "ann", impu: "sip:u0007@acme.ims.test" },
  });
  expect(taken.body.code).toBe("state_conflict");
});

test("PRV-03 everything kept of a user is told, and forgotten when she is gone; chains and charges stay", async () => {
  const rig = await Rig.open();
  const key = await rig.keyOf("tenant-admin");
  const mary = await madeLease(rig, "acme", "mary");
  const beganAt = rig.now;
  const call = {
    id: "c1",
    node: "n",
    tenant: "acme",
    clientId: "talk.acme.test",
    impi: "i",
    direction: "outgoing",
    icid: "x",
  } as const;
  const remote = "tel:+12025550110";
  await rig.store.calls.ended({
    ...call,
    impu: mary.impu,
    remote,
    beganAt,
    answeredAt: beganAt,
    endedAt: beganAt + 1000,
    endedBy: "core",
    status: 200,
  });
  const message = { ...call, id: "m1", impu: mary.impu, remote, at: beganAt, status: 202 } as const;
  await rig.store.messages.add(message);
  await rig.store.subscriptionRecords.add([{ ...message, id: "s1", event: "presence", expires: 60 }]);
  const { node, tenant, clientId, impi, icid } = call;
  const registration = { id: "r1", node, tenant, clientId, impi, icid, impu: mary.impu, beganAt, renewedAt: beganAt };
  await rig.store.registrationRecords.save([
    { ...registration, registers: 1, endedAt: undefined, endReason: undefined },
  ]);
  const user = { issuer: mary.issuer, subject: "mary" };
  const ask = (what: string) => rig.ask("POST", `/tenants/acme/personal-data/${what}`, { key, body: user });
  const told = (await ask("export")).body;
  expect(told).toMatchObject({
    identities: [{ impu: mary.impu, tokens: [{ jti: mary.jti, address: "192.0.2.7" }] }],
    calls: [{ id: "c1", remote }],
    messages: [{ id: "m1", remote }],
    registrations: [{ id: "r1", impu: mary.impu }],
    subscriptions: [{ id: "s1", remote }],
    records: [{ action: "assignment.begin", subject: mary.impu }],
  });
  expect((await ask("erase")).body).toEqual({ assignments: 1 });
  expect((await ask("export")).body).toMatchObject({
    identities: [],
    calls: [],
    messages: [],
    registrations: [],
    subscriptions: [],
    records: [],
  });
  const lists = ["assignments", "leases", "calls", "messages", "registration-records", "subscription-records"];
  const rest = await Promise.all(lists.map((what) => rig.ask("GET", `/tenants/acme/${what}`)));
  const audit = await rig.ask("GET", "/audit/export?tenant=acme");
  for (const text of [...rest.map((one) => one.text), audit.text])
    expect(text).not.toMatch(/mary|192\.0\.2\.7|5550110/);
  expect(rest.map(({ body }) => body.items?.length)).toEqual(Array(6).fill(1));
  expect((await rig.ask("POST", "/audit/verify", { body: { checkpoints: [] } })).body).toMatchObject({ valid: true });
});

test("CHG-02b CHG-03 messages are listed by tenant, newest first and page by page, without the IMPI, and counted", async () => {
  const rig = await Rig.open();
  const at = Date.parse("2027-03-01T10:00:00Z");
  const message = { node: "n", tenant: "acme", clientId: "talk.acme.test", impu: "sip:a@b", impi: "secret@b" };
  for (const [n, direction, status] of [
    [1, "outgoing", 202],
    [2, "incoming", 200],
    [3, "outgoing", 404],
  ] as const) {
    const one = { ...message, id: `m${n}`, remote: "tel:+12025550110", icid: `i${n}` };
    await rig.store.messages.add({ ...one, direction, at: at + n * 1000, status });
  }
  const list = async (query: string) => (await rig.ask("GET", `/tenants/acme/messages${query}`)).body;
  const first = await list("?limit=2");
  expect(first.items).toMatchObject([
    { id: "m3", direction: "outgoing", status: 404, at: "2027-03-01T10:00:03.000Z", remote: "tel:+12025550110" },
    { id: "m2", direction: "incoming", status: 200 },
  ]);
  expect(JSON.stringify(first)).not.toContain("secret");
  expect((await list(`?cursor=${first.nextCursor}`)).items?.map(({ id }) => id)).toEqual(["m1"]);
  expect((await list("?from=2027-03-01T10:00:02Z&until=2027-03-01T10:00:03Z")).items?.map(({ id }) => id)).toEqual([
    "m2",
  ]);
  expect((await rig.ask("GET", "/tenants/other/messages")).body.items).toEqual([]);
  const usage = await rig.ask("GET", "/tenants/acme/usage?from=2027-03-01&until=2027-03-02");
  expect(usage.body.items).toMatchObject([{ calls: 0, messages: 2 }]);
});

test("CHG-02c registrations and subscriptions are listed by tenant, newest first and page by page, without the IMPI", async () => {
  const rig = await Rig.open();
  const at = Date.parse("2027-03-01T10:00:00Z");
  const served = {
    node: "n",
    tenant: "acme",
    clientId: "talk.acme.test",
    impu: "sip:a@b",
    impi: "secret@b",
    icid: "i",
  };
  const times = { beganAt: at, renewedAt: at };
  const open = { ...served, ...times, registers: 1, endedAt: undefined, endReason: undefined };
  const ended = { renewedAt: at + 60_000, registers: 2, endedAt: at + 90_000, endReason: "revoked" };
  await rig.store.registrationRecords.save([
    { ...open, id: "r1", ...ended },
    { ...open, id: "r2" },
  ]);
  const subscription = { ...served, at, direction: "outgoing", remote: "sip:a@b", status: 200, event: "reg" } as const;
  await rig.store.subscriptionRecords.add([
    { ...subscription, id: "s1", expires: 600 },
    { ...subscription, id: "s2", expires: undefined, at: at + 1 },
  ]);
  const list = async (what: string, query = "") => (await rig.ask("GET", `/tenants/acme/${what}${query}`)).body;
  const first = await list("registration-records", "?limit=1");
  const [newest] = first.items ?? [];
  expect(newest).toMatchObject({ id: "r2", registers: 1, beganAt: "2027-03-01T10:00:00.000Z" });
  expect(newest).not.toHaveProperty("endedAt");
  const second = await list("registration-records", `?cursor=${first.nextCursor}`);
  expect(second.items).toMatchObject([
    {
      id: "r1",
      registers: 2,
      renewedAt: "2027-03-01T10:01:00.000Z",
      endedAt: "2027-03-01T10:01:30.000Z",
      endReason: "revoked",
    },
  ]);
  const subscriptions = await list("subscription-records");
  expect(subscriptions.items).toMatchObject([
    { id: "s2" },
    { id: "s1", event: "reg", expires: 600, direction: "outgoing" },
  ]);
  expect(JSON.stringify([first, second, subscriptions])).not.toContain("secret");
  expect((await rig.ask("GET", `/tenants/acme/messages?cursor=${first.nextCursor}`)).status).toBe(400);
});
