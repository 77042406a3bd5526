import type { ApiKey } from "@portico/store";
import { Type } from "typebox";
import { roles } from "../access.ts";
import { newApiKey } from "../apiKeys.ts";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { at, closed, defaultLimit, id, instant, named, oneOf, pageSchema, paging, tenantId, text } from "../fields.ts";
import { tenantWithin, within } from "../scope.ts";

const fields = {
  id: text(64),
  name: text(100, "What it is for."),
  role: oneOf(roles),
  tenant: Type.Optional(tenantId),
  state: oneOf(["live", "expired", "revoked"]),
  createdAt: instant(),
  expiresAt: Type.Optional(instant("Absent: it does not expire.")),
  revokedAt: Type.Optional(instant()),
  lastUsedAt: Type.Optional(instant("To the minute.")),
};
const apiKey = named("ApiKey", fields);
const byId = Type.Object({ id: id("Id of a key.") }, closed);

export const apiKeyEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listApiKeys",
    method: "GET",
    path: "/api-keys",
    tag: "api-keys",
    summary: "API keys, oldest first",
    query: Type.Object({ ...paging, tenant: Type.Optional(tenantId) }, closed),
    success: { status: 200, description: "A page of keys, without secrets.", body: pageSchema("ApiKey", apiKey) },
    async handle({ store, now }, { scope, query }) {
      const after = placeOf("api-keys", query.cursor, ["number", "string"]);
      const limit = query.limit ?? defaultLimit;
      const all = await store.apiKeys.all(tenantWithin(scope, query.tenant));
      const found = all.filter((key) => after === undefined || follows(key, after)).slice(0, limit + 1);
      return {
        body: pageOf("api-keys", found, limit, {
          place: (key) => [key.createdAt, key.id],
          show: (key) => shown(key, now()),
        }),
      };
    },
  }),
  endpoint({
    id: "createApiKey",
    method: "POST",
    path: "/api-keys",
    tag: "api-keys",
    summary: "Make an API key; its secret is shown this once",
    description: "A tenant-admin makes keys of its own role and tenant only.",
    guard: "create",
    body: named("NewApiKey", {
      name: text(100, "What it is for."),
      role: oneOf(roles),
      tenant: Type.Optional(Type.String({ ...tenantId, description: "Needed for tenant-admin, and only for it." })),
      expiresAt: Type.Optional(instant()),
    }),
    success: {
      status: 201,
      description: "The key with its secret. A repetition under the same Idempotency-Key has no secret.",
      body: named("CreatedApiKey", { ...fields, secret: Type.Optional(text(100, "What goes behind Bearer.")) }),
    },
    problems: ["unusable", "not_found"],
    async handle({ store, waf, now, random }, { principal, scope, body }) {
      const { name, role, tenant } = body;
      const confined = scope !== "all";
      if (confined && (role !== "tenant-admin" || tenant !== scope.tenant)) {
        throw new AdminError("role_refused", { detail: "a tenant-admin makes keys of its own role and tenant" });
      }
      if ((role === "tenant-admin") !== (tenant !== undefined)) {
        throw new AdminError("unusable", { detail: "tenant belongs to the role tenant-admin, and to no other" });
      }
      if (tenant !== undefined) await waf.tenants.get(tenant);
      const expiresAt = expiryOf(body.expiresAt, principal.expiresAt, confined);
      if (expiresAt !== undefined && expiresAt <= now())
        throw new AdminError("unusable", { detail: "expiresAt lies in the past" });
      const { row, token } = newApiKey({ name, role, tenant, expiresAt }, now(), random);
      await store.transaction(async ({ apiKeys, audit }) => {
        await apiKeys.add(row);
        const detail = { role, ...(expiresAt === undefined ? {} : { expiresAt }) };
        await audit.append({
          tenant,
          at: now(),
          actor: principal.actor,
          action: "apiKey.create",
          subject: row.id,
          detail,
        });
      });
      return { body: { ...shown(row, now()), secret: token }, location: `/api-keys/${row.id}` };
    },
  }),
  endpoint({
    id: "getApiKey",
    method: "GET",
    path: "/api-keys/{id}",
    tag: "api-keys",
    summary: "An API key, without its secret",
    params: byId,
    success: { status: 200, description: "The key.", body: apiKey },
    async handle({ store, now }, { scope, params }) {
      return { body: shown(within(scope, await store.apiKeys.get(params.id)), now()) };
    },
  }),
  endpoint({
    id: "revokeApiKey",
    method: "DELETE",
    path: "/api-keys/{id}",
    tag: "api-keys",
    summary: "Revoke an API key; revoking it again changes nothing",
    params: byId,
    success: { status: 204, description: "It is revoked; its open event streams end with their next beat." },
    async handle({ store, now }, { principal, scope, params }) {
      const { id: subject, tenant } = within(scope, await store.apiKeys.get(params.id));
      await store.transaction(async ({ apiKeys, audit }) => {
        if (!(await apiKeys.revoke(subject, now()))) return;
        await audit.append({ tenant, at: now(), actor: principal.actor, action: "apiKey.revoke", subject });
      });
      return {};
    },
  }),
];

/** A confined caller cannot make a key that outlives its own. */
function expiryOf(asked: string | undefined, own: number | undefined, confined: boolean): number | undefined {
  const wanted = asked === undefined ? undefined : Date.parse(asked);
  if (!confined || own === undefined) return wanted;
  return Math.min(wanted ?? own, own);
}

function follows(key: ApiKey, [createdAt, keyId]: readonly [number, string]): boolean {
  return key.createdAt > createdAt || (key.createdAt === createdAt && key.id > keyId);
}

function shown({ id: keyId, name, role, tenant, createdAt, expiresAt, revokedAt, lastUsedAt }: ApiKey, now: number) {
  const expired = expiresAt !== undefined && expiresAt <= now;
  return {
    id: keyId,
    name,
    role,
    ...(tenant === undefined ? {} : { tenant }),
    state: revokedAt !== undefined ? "revoked" : expired ? "expired" : "live",
    createdAt: at(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: at(expiresAt) }),
    ...(revokedAt === undefined ? {} : { revokedAt: at(revokedAt) }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: at(lastUsedAt) }),
  };
}
