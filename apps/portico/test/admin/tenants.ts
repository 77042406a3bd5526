import type { TenantDocument } from "@portico/waf";

const key = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", alg: "EdDSA" };
const jwks = { keys: [key] };

/** A tenant whose every name holds its id. */
const tenantOf = (id: string, firstNumber: string): TenantDocument => ({
  id,
  name: `The ${id} company`,
  clients: [{ clientId: `talk.${id}.test`, authentication: { method: "private_key_jwt", jwks } }],
  identityProviders: [{ issuer: `https://idp.${id}.test`, audience: `${id}-portal`, jwks }],
  origins: [`https://talk.${id}.test`],
  services: ["voice"],
  emergencyNumbers: ["112"],
  blocks: [
    {
      id: "main",
      domain: `${id}.ims.test`,
      numbers: [{ from: firstNumber }],
      count: 4,
      assignment: "sticky",
      quarantineSeconds: 600,
    },
  ],
  state: "active",
});

export const acme: TenantDocument = tenantOf("acme", "+12125550100");
export const other: TenantDocument = tenantOf("other", "+12125550900");
