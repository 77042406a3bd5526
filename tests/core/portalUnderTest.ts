import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "@portico/epcscf";
import { startPortal, type Portal, type PortalConfig } from "@portico/portico";
import { Site } from "../kamailio/site.ts";
import { usersInOrder, type CoreAddresses, type User } from "./testCore.ts";
import { WebPhone, type OwnIdentity } from "./webPhone.ts";

export interface UserSession {
  readonly accessToken: string;
  readonly impu: string;
}

/** A portal on a core, and a third party's site with the users of the suite. */
export class PortalUnderTest {
  readonly portal: Portal;
  readonly site: Site;
  /** Events of the portal's log that an operator is called for. */
  readonly alarms: string[];
  /** Why peers on Mw were not reached, as the log has it. */
  readonly unreached: string[];
  readonly #impus = new Map<User, string>();
  readonly #folder: string;

  /** @param tenant what differs in the tenant's document; given, nobody is signed in yet. */
  static async start(
    core: CoreAddresses,
    protocol: PortalConfig["home"]["protocol"],
    tenant?: Partial<NonNullable<PortalConfig["tenants"]>[number]>,
  ): Promise<PortalUnderTest> {
    const folder = mkdtempSync(join(tmpdir(), "portico-core-suite-"));
    const site = await Site.start();
    const alarms: string[] = [];
    const unreached: string[] = [];
    const log: Log = {
      info: () => undefined,
      warn: (event, facts) => event === "mw.unreached" && unreached.push(String(facts?.["reason"])),
      alarm: (event) => void alarms.push(event),
    };
    const config = configuration(folder, site, core, protocol);
    const tenants = config.tenants?.map((one) => ({ ...one, ...tenant }));
    const portal = await startPortal({ ...config, ...(tenants === undefined ? {} : { tenants }) }, log);
    site.useWaf(portal.waf.issuer);
    const under = new PortalUnderTest(folder, site, portal, { alarms, unreached });
    if (tenant !== undefined) return under;
    // One after the other: the block's entries are given out in order.
    for (const user of usersInOrder) under.#impus.set(user, (await under.signIn(user)).impu);
    return under;
  }

  private constructor(
    folder: string,
    site: Site,
    portal: Portal,
    { alarms, unreached }: Pick<PortalUnderTest, "alarms" | "unreached">,
  ) {
    this.#folder = folder;
    this.site = site;
    this.portal = portal;
    this.alarms = alarms;
    this.unreached = unreached;
  }

  /** URL of the WebSocket. */
  get w2(): string {
    return `${this.portal.url.replace("http", "ws")}/w2`;
  }

  impu(user: User): string {
    const impu = this.#impus.get(user);
    if (impu === undefined) throw new Error(`${user} has no identity`);
    return impu;
  }

  /** A telephone of a user, connected; each stands for a browser of hers with a web session of its own. */
  async phone(user: string): Promise<WebPhone> {
    const { accessToken: token, impu } = await this.signIn(user);
    return await WebPhone.open({ url: this.w2, origin: this.site.origin, identity: { impu, token } });
  }

  /** A telephone of somebody with IMS credentials of her own. */
  ownPhone(identity: OwnIdentity): Promise<WebPhone> {
    return WebPhone.open({ url: this.w2, origin: this.site.origin, identity });
  }

  async close(): Promise<void> {
    await this.portal.close();
    await this.site.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A web session of a user. */
  signIn(user: string): Promise<UserSession> {
    return signIn(this.site, user);
  }
}

/** A web session of a user: the token and the identity it names. */
export async function signIn(site: Site, user: string): Promise<UserSession> {
  const response = await fetch(`${site.origin}/api/ims-session?user=${user}`);
  if (!response.ok) throw new Error(`no session for ${user}: ${await response.text()}`);
  return (await response.json()) as UserSession;
}

/** Of a portal on a core. @param folder of its data */
export function configuration(
  folder: string,
  site: Site,
  core: CoreAddresses,
  protocol: PortalConfig["home"]["protocol"],
): PortalConfig {
  const keys = { keys: [{ ...site.publicKey }] };
  return {
    publicUrl: "http://localhost",
    listen: { address: "127.0.0.1", port: 0 },
    home: {
      domain: "ims.test",
      entryPoint: core.entryPoints.map((uri) => `${uri};transport=${protocol.toLowerCase()}`),
      protocol,
    },
    mw: { ...core.portal, peers: [...core.peers] },
    media: {
      access: [{ bind: "127.0.0.1" }],
      accessPort: 0,
      coreAddress: core.portal.address,
      corePorts: [45_200, 45_399],
      latchCore: true,
    },
    data: folder,
    accessTokenSeconds: 3600,
    maxExpiresSeconds: 600,
    graceSeconds: 1,
    emergencyNumbers: ["112"],
    ownCredentials: [{ origin: site.origin, tenant: "acme" }],
    dialPlan: { internationalPrefix: "011", national: { trunk: "1", country: "+1", digits: 10 } },
    tenants: [
      {
        id: "acme",
        name: "Acme",
        clients: [{ clientId: Site.clientId, authentication: { method: "private_key_jwt", jwks: keys } }],
        identityProviders: [{ issuer: site.origin, jwks: keys, audience: Site.clientId }],
        origins: [site.origin],
        services: ["voice"],
        blocks: [
          {
            id: "main",
            domain: "ims.test",
            numbers: [{ from: "+12125550100" }],
            count: usersInOrder.length,
            assignment: "sticky",
            quarantineSeconds: 0,
          },
        ],
        state: "active",
      },
    ],
  };
}
