import { type ClientDocument, tenantSchema, type TenantDocument } from "@portico/waf";
import { Type } from "typebox";
import { type Call, type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { closed, inTenant, named, tenantId, text } from "../fields.ts";
import { changeTenant } from "./tenants.ts";

const client = Type.Object(tenantSchema.properties.clients.items.properties, {
  ...closed,
  title: "Client",
  description: "A web server of the tenant (WWSF).",
});
const jwk = Type.Object(
  { kid: text(255), kty: text(16) },
  { title: "PublicKey", additionalProperties: true, description: "A public JWK (RFC 7517) with kid." },
);
const list = named("Clients", { items: Type.Array(client) });
const keys = named("ClientKeys", { items: Type.Array(Type.Record(Type.String(), Type.Unknown())) });

const clientId = text(255, "OAuth client_id.");
const ofClient = Type.Object({ tenant: tenantId, client: clientId }, closed);
const ofKey = Type.Object({ tenant: tenantId, client: clientId, kid: text(255, "kid of the key.") }, closed);
const etag = "The ETag is that of the tenant.";

export const clientEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listClients",
    method: "GET",
    path: "/tenants/{tenant}/clients",
    tag: "clients",
    summary: "Clients of a tenant",
    params: inTenant,
    success: { status: 200, description: `All of them. ${etag}`, body: list, etag: true },
    async handle({ waf }, { params }) {
      const { document, version } = await waf.tenants.get(params.tenant);
      return { body: { items: document.clients }, version };
    },
  }),
  endpoint({
    id: "createClient",
    method: "POST",
    path: "/tenants/{tenant}/clients",
    tag: "clients",
    summary: "Add a client to a tenant",
    guard: "create",
    params: inTenant,
    body: client,
    success: { status: 201, description: `The client. ${etag}`, body: client, etag: true },
    problems: ["already_exists", "state_conflict", "unusable"],
    async handle({ waf }, call) {
      const { body } = call;
      const { version } = await changeTenant(waf, call, (document) => {
        if (document.clients.some((one) => one.clientId === body.clientId)) {
          throw new AdminError("already_exists", { detail: "the tenant has a client of this id" });
        }
        return { ...document, clients: [...document.clients, body] };
      });
      const location = `/tenants/${call.params.tenant}/clients/${encodeURIComponent(body.clientId)}`;
      return { body, version, location };
    },
  }),
  endpoint({
    id: "getClient",
    method: "GET",
    path: "/tenants/{tenant}/clients/{client}",
    tag: "clients",
    summary: "A client of a tenant",
    params: ofClient,
    success: { status: 200, description: `The client. ${etag}`, body: client, etag: true },
    async handle({ waf }, { params }) {
      const { document, version } = await waf.tenants.get(params.tenant);
      return { body: clientOf(document, params.client), version };
    },
  }),
  endpoint({
    id: "replaceClient",
    method: "PUT",
    path: "/tenants/{tenant}/clients/{client}",
    tag: "clients",
    summary: "Change a client; disabled, it loses its sessions",
    guard: "version",
    params: ofClient,
    body: client,
    success: { status: 200, description: `The client. ${etag}`, body: client, etag: true },
    problems: ["already_exists", "state_conflict", "unusable"],
    async handle({ waf }, call) {
      const { body, params } = call;
      if (body.clientId !== params.client)
        throw new AdminError("unusable", { detail: "clientId differs from the path" });
      const { version } = await changeClient(waf, call, () => body);
      return { body, version };
    },
  }),
  endpoint({
    id: "removeClient",
    method: "DELETE",
    path: "/tenants/{tenant}/clients/{client}",
    tag: "clients",
    summary: "Remove a client with its sessions; a tenant keeps one at least",
    guard: "version",
    params: ofClient,
    success: { status: 204, description: "It is removed." },
    problems: ["state_conflict", "unusable"],
    async handle({ waf }, call) {
      await changeTenant(waf, call, (document) => {
        const { clientId: gone } = clientOf(document, call.params.client);
        return { ...document, clients: document.clients.filter((one) => one.clientId !== gone) };
      });
      return {};
    },
  }),
  endpoint({
    id: "listClientKeys",
    method: "GET",
    path: "/tenants/{tenant}/clients/{client}/keys",
    tag: "clients",
    summary: "Public keys a client signs its assertions with; none where they come from its jwksUri",
    params: ofClient,
    success: { status: 200, description: `The keys. ${etag}`, body: keys, etag: true },
    async handle({ waf }, { params }) {
      const { document, version } = await waf.tenants.get(params.tenant);
      return { body: { items: clientOf(document, params.client).authentication.jwks?.keys ?? [] }, version };
    },
  }),
  endpoint({
    id: "addClientKey",
    method: "POST",
    path: "/tenants/{tenant}/clients/{client}/keys",
    tag: "clients",
    summary: "Add a public key: the first step of a rotation, taking the old one out the last",
    guard: "create",
    params: ofClient,
    body: jwk,
    success: { status: 201, description: `The client's keys. ${etag}`, body: keys, etag: true },
    problems: ["already_exists", "state_conflict", "unusable"],
    async handle({ waf }, call) {
      const { params, body } = call;
      const added = await changeClient(waf, call, (former) => {
        const known = keysOf(former);
        if (known.some(({ kid }) => kid === body.kid)) {
          throw new AdminError("already_exists", { detail: "the client has a key of this kid" });
        }
        return withKeys(former, [...known, body]);
      });
      const items = keysOf(clientOf(added.document, params.client));
      return { body: { items }, version: added.version };
    },
  }),
  endpoint({
    id: "removeClientKey",
    method: "DELETE",
    path: "/tenants/{tenant}/clients/{client}/keys/{kid}",
    tag: "clients",
    summary: "Remove a public key; a client keeps one at least",
    guard: "version",
    params: ofKey,
    success: { status: 204, description: "It is removed." },
    problems: ["state_conflict", "unusable"],
    async handle({ waf }, call) {
      await changeClient(waf, call, (former) => {
        const known = keysOf(former);
        const left = known.filter(({ kid }) => kid !== call.params.kid);
        if (left.length === known.length) throw new AdminError("not_found");
        return withKeys(former, left);
      });
      return {};
    },
  }),
];

function changeClient(
  waf: Parameters<typeof changeTenant>[0],
  call: Pick<Call<{ readonly tenant: string; readonly client: string }>, "principal" | "params" | "ifMatch">,
  change: (client: ClientDocument) => ClientDocument,
): ReturnType<typeof changeTenant> {
  return changeTenant(waf, call, (document) => {
    const former = clientOf(document, call.params.client);
    return { ...document, clients: document.clients.map((one) => (one === former ? change(former) : one)) };
  });
}

/** @throws AdminError `not_found` */
function clientOf({ clients }: TenantDocument, wanted: string): ClientDocument {
  const found = clients.find((one) => one.clientId === wanted);
  if (found === undefined) throw new AdminError("not_found");
  return found;
}

/** @throws AdminError `state_conflict` where the keys are not kept here */
function keysOf({ authentication }: ClientDocument): readonly Record<string, unknown>[] {
  const { jwks } = authentication;
  if (jwks === undefined) throw new AdminError("state_conflict", { detail: "the client's keys are not kept here" });
  return jwks.keys;
}

function withKeys(former: ClientDocument, some: readonly Record<string, unknown>[]): ClientDocument {
  return { ...former, authentication: { ...former.authentication, jwks: { keys: [...some] } } };
}
