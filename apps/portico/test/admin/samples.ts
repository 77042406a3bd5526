import { systemRandom } from "@portico/transport";
import type { OperationId } from "../../src/admin/access.ts";
import { newApiKey } from "../../src/admin/apiKeys.ts";
import { endpoints } from "../../src/admin/endpoints.ts";
import { call, registration, type Rig } from "./rig.ts";
import { clientOf, publicKey, tenantOf } from "./tenants.ts";

/** A request that fits, about something of the tenant that was made for it. */
export interface Sample {
  readonly method: string;
  /** Below /admin/v1, with query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

interface Parts {
  readonly params?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

let count = 0;
const fresh = (tenant: string): string => `${tenant}-${(count += 1)}`;

const period = { from: "2027-01-01", until: "2027-02-01" };

/** What each operation needs; everything it makes has the tenant's id in its name. */
const parts: Record<OperationId, (rig: Rig, tenant: string) => Promise<Parts> | Parts> = {
  getNode: () => ({}),
  listNodes: () => ({}),
  whoAmI: () => ({}),
  streamEvents: (_, tenant) => ({ query: { tenant } }),

  listTenants: () => ({}),
  createTenant: (_, tenant) => ({ body: tenantOf(fresh(tenant)) }),
  getTenant: (_, tenant) => ({ params: { tenant } }),
  replaceTenant: async (rig, tenant) => {
    const { document } = await rig.waf.tenants.get(tenant);
    return { params: { tenant }, body: document, headers: anyVersion };
  },
  removeTenant: async (rig, tenant) => ({ params: { tenant: await madeTenant(rig, tenant) }, headers: anyVersion }),
  suspendTenant: async (rig, tenant) => ({ params: { tenant: await madeTenant(rig, tenant) }, body: {} }),
  resumeTenant: async (rig, tenant) => ({ params: { tenant: await madeTenant(rig, tenant) }, body: {} }),

  listClients: (_, tenant) => ({ params: { tenant } }),
  createClient: (_, tenant) => ({ params: { tenant }, body: clientOf(fresh(tenant)) }),
  getClient: (_, tenant) => ({ params: { tenant, client: `talk.${tenant}.test` } }),
  replaceClient: (_, tenant) => {
    const client = `talk.${tenant}.test`;
    return { params: { tenant, client }, body: clientOf(client), headers: anyVersion };
  },
  removeClient: async (rig, tenant) => ({
    params: { tenant, client: await madeClient(rig, tenant) },
    headers: anyVersion,
  }),
  listClientKeys: (_, tenant) => ({ params: { tenant, client: `talk.${tenant}.test` } }),
  addClientKey: async (rig, tenant) => {
    return { params: { tenant, client: await madeClient(rig, tenant) }, body: { ...publicKey, kid: fresh(tenant) } };
  },
  removeClientKey: async (rig, tenant) => ({
    params: { tenant, client: await madeClient(rig, tenant), kid: "second" },
    headers: anyVersion,
  }),

  getBlockUsage: (_, tenant) => ({ params: { tenant } }),
  listEntries: (_, tenant) => ({ params: { tenant } }),
  getEntryHistory: (_, tenant) => ({ params: { tenant, impu: `sip:u0001@${tenant}.ims.test` } }),
  importEntries: (_, tenant) => ({
    params: { tenant, block: "main" },
    body: [{ impu: `sip:${fresh(tenant)}@${tenant}.ims.test` }],
  }),
  withdrawEntries: (_, tenant) => ({ params: { tenant }, body: { impus: [`sip:nobody@${tenant}.ims.test`] } }),
  exportEntries: (_, tenant) => ({ params: { tenant } }),

  listAssignments: (_, tenant) => ({ params: { tenant } }),
  assignIdentity: (_, tenant) => ({ params: { tenant }, body: { subject: fresh(tenant) } }),
  getAssignment: async (rig, tenant) => ({ params: { tenant, id: (await madeLease(rig, tenant)).assignment } }),
  endAssignment: async (rig, tenant) => ({ params: { tenant, id: (await madeLease(rig, tenant)).assignment } }),
  listLeases: (_, tenant) => ({ params: { tenant } }),
  getLease: async (rig, tenant) => ({ params: { tenant, id: (await madeLease(rig, tenant)).lease } }),
  endLease: async (rig, tenant) => ({ params: { tenant, id: (await madeLease(rig, tenant)).lease } }),

  traceToken: async (rig, tenant) => ({ params: { jti: (await madeLease(rig, tenant)).jti } }),
  introspectToken: (_, tenant) => ({ params: { tenant }, body: { token: "none" } }),
  revokeToken: async (rig, tenant) => ({ params: { jti: (await madeLease(rig, tenant)).jti } }),

  exportPersonalData: (_, tenant) => ({ params: { tenant }, body: { issuer: "https://idp.test", subject: "mary" } }),
  erasePersonalData: (_, tenant) => ({ params: { tenant }, body: { issuer: "https://idp.test", subject: "mary" } }),

  listRegistrations: (_, tenant) => ({ query: { tenant } }),
  endRegistration: ({ node }, tenant) => {
    const id = fresh(tenant);
    node.registered.set(id, registration(id, tenant));
    return { params: { id } };
  },
  listSessions: (_, tenant) => ({ query: { tenant } }),
  releaseSession: ({ node }, tenant) => {
    const id = fresh(tenant);
    node.calls.set(id, call(id, tenant));
    return { params: { id } };
  },

  listTraces: () => ({}),
  startTrace: (_, tenant) => ({ params: { impu: `sip:u0001@${tenant}.ims.test` }, body: { seconds: 60, reason: "x" } }),
  getTrace: ({ node }, tenant) => ({ params: { impu: tracedUser(node, tenant) } }),
  endTrace: ({ node }, tenant) => ({ params: { impu: tracedUser(node, tenant) } }),

  listUsage: () => ({ query: period }),
  getUsage: (_, tenant) => ({ params: { tenant }, query: period }),
  listCalls: (_, tenant) => ({ params: { tenant } }),
  listMessages: (_, tenant) => ({ params: { tenant } }),
  listRegistrationRecords: (_, tenant) => ({ params: { tenant } }),
  listSubscriptionRecords: (_, tenant) => ({ params: { tenant } }),

  searchAudit: (_, tenant) => ({ query: { tenant } }),
  exportAudit: (_, tenant) => ({ query: { tenant } }),
  verifyAudit: () => ({ body: { checkpoints: [] } }),
  listCheckpoints: () => ({}),

  listSigningKeys: () => ({}),
  rotateSigningKey: () => ({ body: {} }),

  listApiKeys: (_, tenant) => ({ query: { tenant } }),
  createApiKey: (_, tenant) => ({ body: { name: fresh(tenant), role: "tenant-admin", tenant } }),
  getApiKey: async (rig, tenant) => ({ params: { id: await keyIn(rig, tenant) } }),
  revokeApiKey: async (rig, tenant) => ({ params: { id: await keyIn(rig, tenant) } }),
};

function tracedUser({ traces }: Rig["node"], tenant: string): string {
  const { impu } = traces.start(`sip:u0001@${tenant}.ims.test`, 60);
  return impu;
}

const anyVersion = { "if-match": "*" };

async function madeTenant({ waf }: Rig, tenant: string): Promise<string> {
  return (await waf.tenants.create(tenantOf(fresh(tenant)), { by: "test" })).id;
}

/** A client with two keys. */
async function madeClient({ waf }: Rig, tenant: string): Promise<string> {
  const { document, version } = await waf.tenants.get(tenant);
  const client = clientOf(fresh(tenant));
  await waf.tenants.replace(tenant, { ...document, clients: [...document.clients, client] }, { by: "test", version });
  return client.clientId;
}

/** A user with an identity, a web session and a token. */
export async function madeLease(
  { waf, store, now }: Rig,
  tenant: string,
  subject: string = fresh(tenant),
): Promise<{ assignment: string; lease: string; jti: string; impu: string; issuer: string; subject: string }> {
  const client = waf.clientOf(tenant);
  if (client === undefined) throw new Error(`${tenant} has no client`);
  const { impu } = await waf.assign(client, { subject });
  const { id: assignment = "", issuer = "" } = (await store.assignments.holding(impu)) ?? {};
  const [lease, jti] = [`lease-${fresh(tenant)}`, `jti-${fresh(tenant)}`];
  const { clientId } = client.document;
  const times = { startedAt: now, expiresAt: now + 3_600_000, tokenUntil: now + 3_600_000 };
  const row = { id: lease, assignmentId: assignment, tenant, impu, clientId, webSession: lease };
  await store.leases.begin({ ...row, ...times });
  await store.issuedTokens.add({
    jti,
    leaseId: lease,
    address: "192.0.2.7",
    issuedAt: now,
    expiresAt: now + 3_600_000,
  });
  return { assignment, lease, jti, impu, issuer, subject };
}

async function keyIn({ store, now }: Rig, tenant: string): Promise<string> {
  const { row } = newApiKey(
    { name: fresh(tenant), role: "tenant-admin", tenant, expiresAt: undefined },
    now,
    systemRandom,
  );
  await store.apiKeys.add(row);
  return row.id;
}

/** A fresh sample of an operation. */
export async function sampleOf(operation: OperationId, rig: Rig, tenant: string): Promise<Sample> {
  const endpoint = endpoints.find(({ id }) => id === operation);
  if (endpoint === undefined) throw new Error(`no endpoint ${operation}`);
  const { params = {}, query, ...rest } = await parts[operation](rig, tenant);
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`the sample of ${operation} lacks ${name}`);
    return encodeURIComponent(value);
  });
  return {
    method: endpoint.method,
    path: query === undefined ? path : `${path}?${new URLSearchParams(query)}`,
    ...rest,
  };
}
