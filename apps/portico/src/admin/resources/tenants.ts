import { type TenantDocument, type TenantRecord, tenantSchema, type Waf, WafError } from "@portico/waf";
import { Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Call, type Endpoint, endpoint } from "../endpoint.ts";
import {
  at,
  closed,
  defaultLimit,
  inTenant,
  instant,
  named,
  oneOf,
  pageSchema,
  paging,
  tenantId,
  text,
} from "../fields.ts";
import { checkIfMatch } from "../precondition.ts";

const standings = ["active", "suspended", "contract_not_begun", "contract_ended"] as const;

const tenantRecord = named("TenantRecord", {
  id: tenantId,
  source: oneOf(["file", "api"], "file: defined by the configuration file, and changed only there."),
  standing: oneOf(standings, "Whether it may use the service now, and if not, why."),
  createdAt: instant(),
  updatedAt: instant(),
  document: tenantSchema,
});

const why = named("Reason", {
  reason: Type.Optional(text(200, "Stays in the audit for ever: no personal data.")),
});

export const tenantEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listTenants",
    method: "GET",
    path: "/tenants",
    tag: "tenants",
    summary: "Tenants, by id",
    query: Type.Object(
      { ...paging, standing: Type.Optional(oneOf(standings)), source: Type.Optional(oneOf(["file", "api"])) },
      closed,
    ),
    success: { status: 200, description: "A page of tenants.", body: pageSchema("Tenant", tenantRecord) },
    async handle({ waf }, { scope, query }) {
      const [after] = placeOf("tenants", query.cursor, ["string"]) ?? [""];
      const limit = query.limit ?? defaultLimit;
      const found = (await waf.tenants.list()).filter(
        ({ id, standing, source }) =>
          id > after &&
          (scope === "all" || scope.tenant === id) &&
          (query.standing ?? standing) === standing &&
          (query.source ?? source) === source,
      );
      return {
        body: pageOf("tenants", found.slice(0, limit + 1), limit, { place: (one) => [one.id], show: shownTenant }),
      };
    },
  }),
  endpoint({
    id: "createTenant",
    method: "POST",
    path: "/tenants",
    tag: "tenants",
    summary: "Make a tenant, with its clients and blocks",
    guard: "create",
    body: tenantSchema,
    bodyLimit: 1024 * 1024,
    success: { status: 201, description: "The tenant.", body: tenantRecord, etag: true },
    problems: ["already_exists", "unusable"],
    async handle({ waf }, { principal, body }) {
      return { ...answer(await waf.tenants.create(body, { by: principal.actor })), location: `/tenants/${body.id}` };
    },
  }),
  endpoint({
    id: "getTenant",
    method: "GET",
    path: "/tenants/{tenant}",
    tag: "tenants",
    summary: "A tenant",
    params: inTenant,
    success: { status: 200, description: "The tenant.", body: tenantRecord, etag: true },
    async handle({ waf }, { params }) {
      return answer(await waf.tenants.get(params.tenant));
    },
  }),
  endpoint({
    id: "replaceTenant",
    method: "PUT",
    path: "/tenants/{tenant}",
    tag: "tenants",
    summary: "Put another document in the place of a tenant's",
    description: "Identities no longer in a block lose their users, clients no longer there their sessions.",
    guard: "version",
    params: inTenant,
    body: tenantSchema,
    bodyLimit: 1024 * 1024,
    success: { status: 200, description: "The tenant as it is now.", body: tenantRecord, etag: true },
    problems: ["already_exists", "state_conflict", "unusable"],
    async handle({ waf }, call) {
      return answer(await changeTenant(waf, call, () => call.body));
    },
  }),
  endpoint({
    id: "removeTenant",
    method: "DELETE",
    path: "/tenants/{tenant}",
    tag: "tenants",
    summary: "Remove a tenant with all it has; the history of its identities stays",
    guard: "version",
    params: inTenant,
    success: { status: 204, description: "It is removed." },
    problems: ["state_conflict"],
    async handle({ waf }, { principal, params, ifMatch }) {
      const { version } = await waf.tenants.get(params.tenant);
      checkIfMatch(ifMatch, version);
      await waf.tenants.remove(params.tenant, { by: principal.actor, version });
      return {};
    },
  }),
  endpoint({
    id: "suspendTenant",
    method: "POST",
    path: "/tenants/{tenant}/suspend",
    tag: "tenants",
    summary: "Suspend a tenant: all its sessions, registrations and calls end, on every node",
    params: inTenant,
    body: why,
    success: { status: 200, description: "The tenant as it is now.", body: tenantRecord, etag: true },
    async handle({ waf }, { principal, params, body }) {
      return answer(await waf.tenants.suspend(params.tenant, { by: principal.actor, ...body }));
    },
  }),
  endpoint({
    id: "resumeTenant",
    method: "POST",
    path: "/tenants/{tenant}/resume",
    tag: "tenants",
    summary: "Take a suspension back; what it ended stays ended",
    params: inTenant,
    body: why,
    success: { status: 200, description: "The tenant as it is now.", body: tenantRecord, etag: true },
    async handle({ waf }, { principal, params, body }) {
      return answer(await waf.tenants.resume(params.tenant, { by: principal.actor, ...body }));
    },
  }),
];

/** Tries of a change that demands no version, while others change the tenant as well. */
const tries = 5;

/**
 * Changes a tenant's document from the version that If-Match names.
 * @throws AdminError `precondition_failed`; WafError of the change
 */
export async function changeTenant(
  waf: Waf,
  { principal, params, ifMatch }: Pick<Call<{ readonly tenant: string }>, "principal" | "params" | "ifMatch">,
  change: (document: TenantDocument) => TenantDocument,
): Promise<TenantRecord> {
  for (let n = 1; ; n += 1) {
    const { version, document } = await waf.tenants.get(params.tenant);
    checkIfMatch(ifMatch, version);
    try {
      return await waf.tenants.replace(params.tenant, change(document), { by: principal.actor, version });
    } catch (error) {
      const overtaken = error instanceof WafError && error.code === "tenant_changed";
      if (!overtaken || ifMatch !== "any" || n === tries) throw error;
    }
  }
}

function answer(record: TenantRecord): { body: unknown; version: number } {
  return { body: shownTenant(record), version: record.version };
}

function shownTenant({ id, source, standing, createdAt, updatedAt, document }: TenantRecord) {
  return { id, source, standing, createdAt: at(createdAt), updatedAt: at(updatedAt), document };
}
