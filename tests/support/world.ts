import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAcme, type Acme } from "@portico/acme";
import type { Log } from "@portico/epcscf";
import { startLab, type Lab, type LabOptions, type Subscription } from "@portico/lab";
import { startPortal, type Portal, type PortalConfig } from "@portico/portico";
import { blockEntries } from "@portico/waf";
import { freePort } from "./ports.ts";

export const users = [
  { username: "mary", name: "Mary Jones", password: "mary-demo" },
  { username: "ken", name: "Ken Adams", password: "ken-demo" },
  { username: "olivia", name: "Olivia Brown", password: "olivia-demo" },
] as const;

const clientId = "talk.acme.example";

/** Acme, the portal and a core, in this process, on free ports. */
export interface World {
  readonly acme: Acme;
  readonly portal: Portal;
  readonly lab: Lab;
  /** Of the portal. */
  readonly config: PortalConfig;
  /** Where Acme's page is. */
  readonly url: string;
  /** Events of the portal's log, alarms first named `alarm:`. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Identities in Acme's block. */
  readonly count?: number;
  readonly accessTokenSeconds?: number;
  readonly graceSeconds?: number;
  /** Address of media toward browsers; default: loopback. */
  readonly mediaAddress?: string;
  readonly lab?: Partial<LabOptions>;
  /** Acme's block is a wildcarded one with this distinct identity. */
  readonly wildcard?: { readonly impu: string };
  /** Take a far end's media from where it comes. */
  readonly latchCore?: boolean;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "portico-world-"));
  const [acmePort, portalPort] = [await freePort(), await freePort()];
  const url = `http://localhost:${acmePort}`;
  const portalUrl = `http://localhost:${portalPort}`;
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const header = { kid: "acme-1", alg: "ES256" };
  const clientJwk = { ...publicKey.export({ format: "jwk" }), ...header };
  const clientKey = join(folder, "acme-client.json");
  writeFileSync(clientKey, JSON.stringify({ ...privateKey.export({ format: "jwk" }), ...header }), { mode: 0o600 });
  const block: PortalConfig["tenants"][number]["blocks"][number] = {
    id: "main",
    domain: "acme.ims.test",
    numbers: [{ from: "+12125550100" }],
    count: options.count ?? 20,
    assignment: "sticky",
    quarantineSeconds: 60,
    ...(options.wildcard === undefined ? {} : { wildcard: options.wildcard }),
  };
  const lab = await startLab({
    trusted: ["127.0.0.1"],
    ...options.lab,
    subscriptions: [
      ...(options.wildcard === undefined ? subscriptionsOf(block) : []),
      ...(options.lab?.subscriptions ?? []),
    ],
  });
  const logged: string[] = [];
  const log: Log = {
    info: (event) => void logged.push(event),
    warn: (event) => void logged.push(event),
    alarm: (event, facts) => void logged.push(`alarm:${event}${JSON.stringify(facts ?? {})}`),
  };
  const config: PortalConfig = {
    publicUrl: portalUrl,
    listen: { address: "127.0.0.1", port: portalPort },
    home: {
      domain: "ims.test",
      entryPoint: `sip:${lab.icscf.address}:${lab.icscf.port};transport=tcp`,
      protocol: "TCP",
    },
    mw: { address: "127.0.0.1", port: 0, peers: ["127.0.0.1"] },
    media: {
      access: [{ bind: options.mediaAddress ?? "127.0.0.1" }],
      accessPort: 0,
      coreAddress: "127.0.0.1",
      corePorts: [43_000, 43_999],
      latchCore: options.latchCore ?? false,
    },
    data: join(folder, "portal"),
    accessTokenSeconds: options.accessTokenSeconds ?? 3600,
    maxExpiresSeconds: 3600,
    graceSeconds: options.graceSeconds ?? 32,
    emergencyNumbers: ["911", "112"],
    dialPlan: { internationalPrefix: "011", national: { trunk: "1", country: "+1", digits: 10 } },
    tenants: [
      {
        id: "acme",
        name: "Acme",
        clients: [{ clientId, authentication: { method: "private_key_jwt", jwks: { keys: [clientJwk] } } }],
        identityProviders: [{ issuer: `${url}/idp`, jwksUri: `${url}/idp/jwks`, audience: clientId }],
        origins: [url],
        services: ["voice"],
        blocks: [block],
        state: "active",
      },
    ],
  };
  const portal = await startPortal(config, log);
  const acme = await startAcme({
    host: "127.0.0.1",
    port: acmePort,
    publicUrl: url,
    waf: { issuer: `${portalUrl}/waf` },
    clientId,
    clientKey,
    users,
    speedDials: [{ label: "Echo", number: "+12025550110" }],
    portalOrigins: [portalUrl, portalUrl.replace("http", "ws")],
  });
  return {
    acme,
    portal,
    lab,
    config,
    url,
    log: logged,
    close: async () => {
      await acme.close();
      await portal.close();
      await lab.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function subscriptionsOf(block: Parameters<typeof blockEntries>[1]): Subscription[] {
  return blockEntries("acme", block, "ims.test").map(({ impi, impu, tel = "" }) => ({ impi, impu, tel }));
}
