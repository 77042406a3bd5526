import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EpcscfOptions } from "@portico/epcscf";
import { openStore } from "@portico/store";
import { systemRandom } from "@portico/transport";
import { openWaf } from "@portico/waf";
import type { JWK } from "jose";
import { clientId, homeDomain, impuOf, issuer, sessionOf, site, tenant } from "./access.ts";

const idp = "https://idp.acme.example";
/** Users that may register. */
const users = 8000;

/**
 * The operator's state as `portico serve` has it: block, leases and bindings in a file of SQLite, behind the WAF. All users are
 * signed in.
 */
export async function openState(
  jwk: JWK,
): Promise<Pick<EpcscfOptions, "blocks" | "revocations" | "reportRegistration" | "registrationStore">> {
  const folder = mkdtempSync(join(tmpdir(), "portico-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  const store = await openStore({ sqlite: join(folder, "portal.db") });
  const waf = await openWaf({
    store,
    issuer,
    homeDomain,
    wss: [],
    tenants: [
      {
        id: tenant,
        name: "Acme",
        clients: [{ clientId, authentication: { method: "private_key_jwt", jwks: { keys: [{ ...jwk }] } } }],
        identityProviders: [{ issuer: idp, audience: clientId, jwks: { keys: [{ ...jwk }] } }],
        origins: [site],
        services: ["voice"],
        emergencyNumbers: ["112"],
        blocks: [{ id: "main", domain: "acme.ims.test", count: users, assignment: "sticky", quarantineSeconds: 600 }],
        state: "active",
      },
    ],
    now: Date.now,
    random: systemRandom,
  });
  const startedAt = Date.now();
  const tokenUntil = startedAt + 3_600_000;
  await store.transaction(async ({ assignments, leases }) => {
    for (let user = 0; user < users; user += 1) {
      const id = sessionOf(user);
      const held = { tenant, impu: impuOf(user), startedAt };
      await assignments.begin({ ...held, id, issuer: idp, subject: id, pseudonym: `p-${user}` });
      await leases.begin({
        ...held,
        id,
        assignmentId: id,
        clientId,
        webSession: id,
        expiresAt: tokenUntil,
        tokenUntil,
      });
    }
  });
  return {
    blocks: { find: (impu) => waf.block.find(impu) },
    revocations: { isRevoked: (claims) => waf.isRevoked(claims), onRevoked: (tell) => waf.onRevoked(tell) },
    // What cannot be noted ends the process, and the figure with it.
    reportRegistration: (fact) => void waf.reportRegistration(fact),
    registrationStore: {
      all: (node) => store.registrations.all(node),
      inherit: (node) => store.registrations.inherit(node, 0),
      write: (node, { saved, removed }) =>
        store.transaction(async ({ registrations }) => {
          await registrations.save(node, saved);
          await registrations.remove(node, removed);
        }),
    },
  };
}
