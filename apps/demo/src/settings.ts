import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { TlsFiles } from "./localCa.ts";

/** The demo's people; they work for Acme, a company that does not exist. */
export const users = [
  { username: "mary", name: "Mary Jones", password: "mary-demo" },
  { username: "ken", name: "Ken Adams", password: "ken-demo" },
  { username: "olivia", name: "Olivia Brown", password: "olivia-demo" },
] as const;

/** The lab's telephones. */
export const telephones = [
  { label: "Echo: hear yourself", number: "+12025550110" },
  { label: "Announcement: a tone", number: "+12025550120" },
  { label: "Calls you back", number: "+12025550130" },
  { label: "Never answers", number: "+12025550140" },
  { label: "Is busy", number: "+12025550150" },
] as const;

/** A SIP telephone anyone can configure, for calls with a real softphone. */
export const softphone = {
  impu: "sip:desk@ims.test",
  impi: "desk@ims.test",
  password: "desk-demo",
  tel: "+12025550160",
} as const;

const homeDomain = "ims.test";
const acmeClientId = "talk.acme.example";

/** Ports of the demo on its address. */
export const ports = {
  acme: 8080,
  portal: 8090,
  mw: 15_080,
  media: 40_000,
  coreMedia: [41_000, 41_999],
  icscf: 15_060,
  scscf: 15_061,
  telephones: 15_062,
  labMedia: [42_000, 42_999],
} as const;

/** Configuration files of the three processes. */
export interface DemoFiles {
  readonly portal: string;
  readonly acme: string;
  readonly lab: string;
  readonly acmeUrl: string;
}

/**
 * Writes the three configurations into the folder. Keys made at the first start are kept.
 * @param address undefined: this machine only, plain HTTP on localhost.
 */
export function writeSettings(folder: string, address: string | undefined, tls: TlsFiles | undefined): DemoFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const host = address ?? "localhost";
  const bind = address ?? "127.0.0.1";
  const scheme = tls === undefined ? "http" : "https";
  const acmeUrl = `${scheme}://${host}:${ports.acme}`;
  const portalUrl = `${scheme}://${host}:${ports.portal}`;
  const clientKey = join(folder, "acme-client.json");
  const publicKey = signingKey(clientKey, "acme-1");
  const idpKey = join(folder, "acme-idp.json");
  signingKey(idpKey, "idp-1");
  const secure = tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } };
  const numbers = { emergencyNumbers: ["911", "112"] };

  const portal = write(folder, "portal.yaml", {
    publicUrl: portalUrl,
    listen: { address: bind, port: ports.portal },
    ...secure,
    home: { domain: homeDomain, entryPoint: `sip:127.0.0.1:${ports.icscf};transport=tcp`, protocol: "TCP" },
    mw: { address: "127.0.0.1", port: ports.mw, peers: ["127.0.0.1"] },
    media: {
      access: accessAddresses(address),
      accessPort: ports.media,
      coreAddress: "127.0.0.1",
      corePorts: ports.coreMedia,
      latchCore: false,
    },
    data: join(folder, "portal"),
    ...(address === undefined ? {} : { insideHosts: [address] }),
    accessTokenSeconds: 3600,
    maxExpiresSeconds: 3600,
    graceSeconds: 32,
    ...numbers,
    dialPlan: { internationalPrefix: "011", national: { trunk: "1", country: "+1", digits: 10 } },
    tenants: [
      {
        id: "acme",
        name: "Acme",
        clients: [
          { clientId: acmeClientId, authentication: { method: "private_key_jwt", jwks: { keys: [publicKey] } } },
        ],
        identityProviders: [{ issuer: `${acmeUrl}/idp`, jwksUri: `${acmeUrl}/idp/jwks`, audience: acmeClientId }],
        origins: [acmeUrl],
        services: ["voice"],
        blocks: [
          {
            id: "main",
            domain: `acme.${homeDomain}`,
            numbers: [{ from: "+12125550100" }],
            count: 100,
            assignment: "sticky",
            quarantineSeconds: 86_400,
          },
        ],
        state: "active",
      },
    ],
  });
  const acme = write(folder, "acme.json", {
    host: bind,
    port: ports.acme,
    publicUrl: acmeUrl,
    ...secure,
    waf: { issuer: `${portalUrl}/waf` },
    clientId: acmeClientId,
    clientKey,
    idpKey,
    users,
    speedDials: telephones,
    portalOrigins: [portalUrl, portalUrl.replace(/^http/, "ws")],
  });
  const lab = write(folder, "lab.json", {
    host: "127.0.0.1",
    homeDomain,
    ports: { icscf: ports.icscf, scscf: ports.scscf, telephones: ports.telephones },
    rtpPorts: ports.labMedia,
    trusted: ["127.0.0.1"],
    subscriptionsFile: join(folder, "portal", "hss.json"),
    softphones: [softphone],
  });
  return { portal, acme, lab, acmeUrl };
}

/** W3 addresses: the one given; else each of this machine's, loopback last, since browsers differ in which they can use. */
function accessAddresses(address: string | undefined): { bind: string }[] {
  if (address !== undefined) return [{ bind: address }];
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  return [...outside.map((one) => ({ bind: one.address })), { bind: "127.0.0.1" }];
}

function write(folder: string, name: string, content: object): string {
  const file = join(folder, name);
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  return file;
}

/** An ES256 key of Acme's, made at the first start. @returns the public half. */
function signingKey(file: string, kid: string): Record<string, string> {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = { ...privateKey.export({ format: "jwk" }), kid, alg: "ES256" };
    writeFileSync(file, JSON.stringify(jwk), { mode: 0o600, flag: "wx" });
  }
  const { d: _, ...publicKey } = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  return publicKey;
}
