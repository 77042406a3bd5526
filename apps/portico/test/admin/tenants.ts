import type { ClientDocument, TenantDocument } from "@portico/waf";

export const publicKey = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", alg: "EdDSA" };

/** A client with two keys. */
export const clientOf = (clientId: string): ClientDocument => ({
  clientId,
  authentication: {
    method: "private_key_jwt",
    jwks: {
      keys: [
        { ...publicKey, kid: "first" },
        { ...publicKey, kid: "second" },
      ],
    },
  },
});

/** A tenant whose every name holds its id. */
export const tenantOf = (id: string): TenantDocument => ({
  id,
  name: `The ${id} company`,
  clients: [clientOf(`talk.${id}.test`)],
  identityProviders: [{ issuer: `https://idp.${id}.test`, audience: `${id}-portal`, jwks: { keys: [publicKey] } }],
  origins: [`https://talk.${id}.test`],
  services: ["voice"],
  emergencyNumbers: ["112"],
  blocks: [{ id: "main", domain: `${id}.ims.test`, count: 200, assignment: "sticky", quarantineSeconds: 600 }],
  state: "active",
});
