import { expect, test, vi } from "vitest";
import { access, type OperationId, type Role, roles } from "../../src/admin/access.ts";
import { endpoints } from "../../src/admin/endpoints.ts";
import { call, registration, type Reply, Rig } from "./rig.ts";
import { sampleOf } from "./samples.ts";

// Hundreds of requests a test.
vi.setConfig({ testTimeout: 60_000 });

const operations = endpoints.map(({ id }) => id);
const reach = (operation: OperationId, role: Role): string => access[operation][role];

/** What the table says comes of a request that fits. */
const allowed = (operation: OperationId, role: Role): string =>
  reach(operation, role) === "none" ? "403 role_refused" : "done";

/** What it says comes of one for something of another tenant. */
function foreign(operation: OperationId): string {
  if (reach(operation, "tenant-admin") === "none") return "403 role_refused";
  // Whoever asks for a thing that is not named can only get its own.
  if (["whoAmI", "verifyAudit", "listCheckpoints", "listTenants"].includes(operation)) return "done";
  return operation === "createApiKey" ? "403 role_refused" : "404 not_found";
}

/** What came of a request, in words that tables are made of. */
function outcomeOf({ status, text, body }: Reply): string {
  if (status >= 200 && status < 300) return "done";
  return typeof body.code === "string" ? `${status} ${body.code}` : `${status} ${text}`;
}

async function tryOut(rig: Rig, operation: OperationId, tenant: string, key: string | undefined): Promise<Reply> {
  const { method, path, ...rest } = await sampleOf(operation, rig, tenant);
  // A stream that never ends is only begun.
  if (operation === "streamEvents") return await beginStream(rig, path, key);
  return await rig.ask(method, path, { key, ...rest });
}

async function beginStream(rig: Rig, path: string, key: string | undefined): Promise<Reply> {
  const leaving = new AbortController();
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(`${rig.url}/admin/v1${path}`, { headers, signal: leaving.signal });
  const text = response.ok ? "" : await response.text();
  leaving.abort();
  return { status: response.status, headers: response.headers, text, body: text === "" ? {} : JSON.parse(text) };
}

/** Things of both tenants that lists could leak. */
async function populated(): Promise<Rig> {
  const rig = await Rig.open();
  for (const tenant of ["acme", "other"]) {
    rig.node.registered.set(`kept-${tenant}`, registration(`kept-${tenant}`, tenant));
    rig.node.calls.set(`kept-${tenant}`, call(`kept-${tenant}`, tenant));
    await rig.keyOf("tenant-admin", { tenant });
  }
  return rig;
}

test("every row of the table of endpoints and roles has its endpoint", () => {
  expect(operations.toSorted()).toEqual(Object.keys(access).toSorted());
});

test("every endpoint lets each role in as the table says", async () => {
  const rig = await populated();
  const rows: [OperationId, Role, string][] = [];
  for (const role of roles) {
    const key = await rig.keyOf(role);
    for (const operation of operations) {
      rows.push([operation, role, outcomeOf(await tryOut(rig, operation, "acme", key))]);
    }
  }
  expect(rows).toEqual(rows.map(([operation, role]) => [operation, role, allowed(operation, role)]));
});

test("every endpoint, asked by a tenant for what belongs to another one, answers as if there were nothing", async () => {
  const rig = await populated();
  const key = await rig.keyOf("tenant-admin");
  const rows: [OperationId, string][] = [];
  const leaks: [OperationId, string][] = [];
  for (const operation of operations) {
    const reply = await tryOut(rig, operation, "other", key);
    rows.push([operation, outcomeOf(reply)]);
    if (reply.text.includes("other")) leaks.push([operation, reply.text]);
  }
  expect(leaks).toEqual([]);
  expect(rows).toEqual(rows.map(([operation]) => [operation, foreign(operation)]));
});

test("lists a tenant asks for without naming one hold its own things alone", async () => {
  const rig = await populated();
  const key = await rig.keyOf("tenant-admin");
  const lists = endpoints.filter(
    ({ id, method, params, success }) =>
      method === "GET" &&
      params === undefined &&
      !success.types?.includes("text/event-stream") &&
      reach(id, "tenant-admin") === "own",
  );
  const rows: [OperationId, string, boolean][] = [];
  for (const { id, path } of lists) {
    const reply = await rig.ask("GET", path, { key });
    rows.push([id, outcomeOf(reply), reply.text.includes("other")]);
  }
  expect(rows.length).toBeGreaterThan(4);
  expect(rows).toEqual(rows.map(([operation]) => [operation, "done", false]));
});

test("every endpoint refuses no credentials, unknown, expired and revoked ones, whatever is asked", async () => {
  const rig = await Rig.open();
  const expired = await rig.keyOf("operator", { expiresAt: rig.now + 1000 });
  const revoked = await rig.keyOf("operator");
  await rig.store.apiKeys.revoke(revoked.split("_")[1] ?? "", rig.now);
  const wrong = `${rig.operator.slice(0, -1)}${rig.operator.endsWith("a") ? "b" : "a"}`;
  rig.clock.ahead += 2000;
  const credentials: [string | undefined, string][] = [
    [undefined, "401 unauthenticated"],
    [`portico_${"0".repeat(12)}_${"0".repeat(40)}`, "401 unauthenticated"],
    [wrong, "401 unauthenticated"],
    [revoked, "401 unauthenticated"],
    [expired, "401 credentials_expired"],
    ["eyJhbGciOiJub25lIn0.e30.", "401 unauthenticated"],
  ];
  const rows: [OperationId, string[]][] = [];
  for (const operation of operations) {
    const outcomes: string[] = [];
    for (const [key] of credentials) outcomes.push(outcomeOf(await tryOut(rig, operation, "acme", key)));
    rows.push([operation, outcomes]);
  }
  expect(rows).toEqual(rows.map(([operation]) => [operation, credentials.map(([, outcome]) => outcome)]));
});
