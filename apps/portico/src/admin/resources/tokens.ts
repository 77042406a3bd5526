import { Type } from "typebox";
import { type Call, type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { at, closed, id, inTenant, instant, named, tenantId, text } from "../fields.ts";
import { within } from "../scope.ts";
import type { AdminServices } from "../services.ts";

const trace = named("TokenTrace", {
  jti: text(64),
  lease: text(64),
  tenant: tenantId,
  clientId: text(255),
  impu: text(255),
  pseudonym: text(64, "sub of the token."),
  address: Type.String({ description: "Where the request for it came from; empty once erased." }),
  issuedAt: instant(),
  expiresAt: instant(),
  live: Type.Boolean({ description: "Not expired, and its lease has not ended." }),
});
const byJti = Type.Object({ jti: id("jti of an access token.") }, closed);

export const tokenEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "traceToken",
    method: "GET",
    path: "/tokens/{jti}",
    tag: "tokens",
    summary: "Whose access token it was; kept as long as the setting retention.tokens says, 90 days by default",
    params: byJti,
    success: { status: 200, description: "The trace.", body: trace },
    async handle({ waf, store, now }, { scope, params }) {
      const { leaseId, issuedAt, expiresAt, ...rest } = within(scope, await waf.trace(params.jti));
      const lease = await store.leases.get(leaseId);
      const live = expiresAt > now() && lease !== undefined && lease.endedAt === undefined;
      return { body: { ...rest, lease: leaseId, issuedAt: at(issuedAt), expiresAt: at(expiresAt), live } };
    },
  }),
  endpoint({
    id: "revokeToken",
    method: "DELETE",
    path: "/tokens/{jti}",
    tag: "tokens",
    summary: "Revoke an access token: its web session ends with it",
    params: byJti,
    success: { status: 204, description: "It is revoked." },
    async handle({ waf }, { scope, params }) {
      const { leaseId } = within(scope, await waf.trace(params.jti));
      await waf.endLease(leaseId, "revoked_by_administration");
      return {};
    },
  }),
  endpoint({
    id: "introspectToken",
    method: "POST",
    path: "/tenants/{tenant}/tokens/introspect",
    tag: "tokens",
    reads: true,
    summary: "Whether a token of the tenant is good, and what it says (RFC 7662)",
    params: inTenant,
    body: named("TokenToIntrospect", { token: text(8192) }),
    success: {
      status: 200,
      description: "active, and for an active token its claims.",
      body: Type.Object({ active: Type.Boolean() }, { title: "Introspection", additionalProperties: true }),
    },
    async handle({ waf }: AdminServices, { params, body }: Call<{ tenant: string }, undefined, { token: string }>) {
      const client = waf.clientOf(params.tenant);
      if (client === undefined) throw new AdminError("not_found");
      return { body: await waf.introspect(client, body.token) };
    },
  }),
];
