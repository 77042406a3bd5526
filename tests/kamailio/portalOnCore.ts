import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog, startPortal, type Portal, type PortalConfig } from "@portico/portico";
import type { Subscription } from "./hss/subscription.ts";
import { Site } from "./site.ts";
import { topology } from "./topology.ts";

/** The tenant's block: the first user of {@link Site} gets the first entry, the next one the second. */
export const webUsers: readonly [Subscription, Subscription] = [
  { impi: "u0001.acme@ims.test", impu: "sip:u0001@ims.test", tel: "+12125550100" },
  { impi: "u0002.acme@ims.test", impu: "sip:u0002@ims.test", tel: "+12125550101" },
];

/** A portal on the Kamailio core, and a third party's site that uses it. */
export interface PortalOnCore {
  readonly portal: Portal;
  readonly site: Site;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface PortalOptions {
  /** SIP URI of the I-CSCF. */
  readonly entryPoint: string;
  /** Of requests on Mw. */
  readonly protocol: "TCP" | "UDP";
  /** Default 600. */
  readonly accessTokenSeconds?: number;
}

/** Starts both; the portal keeps nothing when it is closed. */
export async function startPortalOnCore(options: PortalOptions): Promise<PortalOnCore> {
  const folder = mkdtempSync(join(tmpdir(), "portico-portal-"));
  const site = await Site.start();
  const portal = await startPortal(configuration(folder, site, options), openLog("warn"));
  site.useWaf(portal.waf.issuer);
  return {
    portal,
    site,
    async close() {
      await portal.close();
      await site.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(
  folder: string,
  site: Site,
  { entryPoint, protocol, accessTokenSeconds = 600 }: PortalOptions,
): PortalConfig {
  const { homeDomain, portal } = topology;
  return {
    publicUrl: "http://localhost",
    listen: { address: "127.0.0.1", port: 0 },
    home: {
      domain: homeDomain,
      entryPoint: `${entryPoint};transport=${protocol.toLowerCase()}`,
      protocol,
    },
    mw: { address: portal, port: 5060, peers: [topology.icscf, topology.scscf] },
    media: {
      access: [{ bind: "127.0.0.1" }],
      accessPort: 0,
      coreAddress: portal,
      corePorts: [45_000, 45_199],
      // baresip sends its RTP from 127.0.0.1, whatever its SDP says.
      latchCore: true,
    },
    data: folder,
    accessTokenSeconds,
    maxExpiresSeconds: 600,
    graceSeconds: 3,
    emergencyNumbers: ["112", "911"],
    dialPlan: { internationalPrefix: "011", national: { trunk: "1", country: "+1", digits: 10 } },
    tenants: [
      {
        id: "acme",
        name: "Acme",
        clients: [{ clientId: Site.clientId, authentication: { method: "private_key_jwt", jwks: jwksOf(site) } }],
        identityProviders: [{ issuer: site.origin, jwks: jwksOf(site), audience: Site.clientId }],
        origins: [site.origin],
        services: ["voice"],
        // Kamailio looks for credentials whose realm is the IMPU's domain, so the block is in the home domain itself.
        blocks: [
          {
            id: "main",
            domain: homeDomain,
            numbers: [{ from: "+12125550100" }],
            count: webUsers.length,
            assignment: "sticky",
            quarantineSeconds: 0,
          },
        ],
        state: "active",
      },
    ],
  };
}

const jwksOf = (site: Site): { keys: Record<string, unknown>[] } => ({ keys: [{ ...site.publicKey }] });
