import { systemRandom } from "@portico/transport";
import type { OperationId } from "../../src/admin/access.ts";
import { newApiKey } from "../../src/admin/apiKeys.ts";
import { endpoints } from "../../src/admin/endpoints.ts";
import { call, registration, type Rig } from "./rig.ts";

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
  whoAmI: () => ({}),
  streamEvents: (_, tenant) => ({ query: { tenant } }),

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

  listUsage: () => ({ query: period }),
  getUsage: (_, tenant) => ({ params: { tenant }, query: period }),
  listCalls: (_, tenant) => ({ params: { tenant } }),

  searchAudit: (_, tenant) => ({ query: { tenant } }),
  exportAudit: (_, tenant) => ({ query: { tenant } }),
  verifyAudit: () => ({ body: { checkpoints: [] } }),
  listCheckpoints: () => ({}),

  listApiKeys: (_, tenant) => ({ query: { tenant } }),
  createApiKey: (_, tenant) => ({ body: { name: fresh(tenant), role: "tenant-admin", tenant } }),
  getApiKey: async (rig, tenant) => ({ params: { id: await keyIn(rig, tenant) } }),
  revokeApiKey: async (rig, tenant) => ({ params: { id: await keyIn(rig, tenant) } }),
};

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
