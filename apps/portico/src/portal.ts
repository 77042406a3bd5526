import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openEmbeddedPlane, type MediaPlane } from "@portico/agw";
import { Epcscf, JwtVerifier, type Log } from "@portico/epcscf";
import { openStore } from "@portico/store";
import { systemClock, systemRandom } from "@portico/transport";
import { openWaf, wafRoutes, type TenantConfig, type Waf } from "@portico/waf";
import { fastify } from "fastify";
import type { PortalConfig } from "./config.ts";
import { sealKey } from "./secrets.ts";

/** A running portal: WAF, eP-CSCF and eIMS-AGW of one node. */
export interface Portal {
  /** Where it is reached; with the real port when the configured one was 0. */
  readonly url: string;
  /** Port of the eP-CSCF on Mw. */
  readonly mwPort: number;
  readonly waf: Waf;
  readonly epcscf: Epcscf;
  readonly media: MediaPlane;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Path of W2 on the portal's HTTP server. */
const w2Path = "/w2";

/** Starts a portal. Whatever was opened is closed again when a later step fails. */
export async function startPortal(config: PortalConfig, log: Log): Promise<Portal> {
  const opened: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of opened.splice(0).toReversed()) await step();
  };
  try {
    return await start(config, log, (step) => opened.push(step), close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  config: PortalConfig,
  log: Log,
  onClose: (step: () => Promise<void>) => void,
  close: () => Promise<void>,
): Promise<Portal> {
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const { tls } = config;
  const http = fastify({
    ...(tls === undefined ? {} : { https: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } }),
    logger: false,
    bodyLimit: 65_536,
    requestTimeout: 15_000,
  });
  // The port comes first: with port 0 the issuer and the W2 address depend on it.
  const binding = await listenFirst(http.server, config.listen);
  onClose(() => http.close());
  const url = config.listen.port === 0 ? withPort(config.publicUrl, binding.port) : config.publicUrl;
  const { host } = new URL(url);

  const store = await openStore(join(config.data, "portal.sqlite"));
  onClose(() => store.close());
  const waf = await openWaf({
    store,
    issuer: `${url}/waf`,
    homeDomain: config.home.domain,
    wss: [`${url.replace(/^http/, "ws")}${w2Path}`],
    tenants: tenants(config),
    keyFile: join(config.data, "waf-keys.json"),
    accessTokenSeconds: config.accessTokenSeconds,
    now: Date.now,
    random: systemRandom,
  });
  onClose(() => waf.close());
  waf.onAlarm(({ type, tenant }) => log.alarm(type, { tenant }));
  writeFileSync(join(config.data, "hss.json"), await waf.provisioning(), { mode: 0o600 });

  const media = await openEmbeddedPlane({
    accessAddresses: config.media.access.map(({ bind, advertise }) =>
      advertise === undefined ? { bind } : { bind, advertise },
    ),
    accessPort: config.media.accessPort,
    coreAddress: config.media.coreAddress,
    corePorts: config.media.corePorts,
  });
  onClose(() => media.close());

  const origins = new Set(config.tenants.flatMap((tenant) => tenant.origins));
  const epcscf = await Epcscf.open({
    clock: systemClock,
    random: systemRandom,
    log,
    wallClock: Date.now,
    verifier: new JwtVerifier({
      issuer: waf.issuer,
      audience: `sip:${config.home.domain}`,
      keys: waf.verificationKeys,
      now: Date.now,
    }),
    blocks: { find: (impu) => waf.block.find(impu) },
    revocations: {
      isRevoked: (claims) => waf.isRevoked(claims),
      onRevoked: (listener) => waf.onRevoked(listener),
    },
    reportRegistration: (fact) => {
      waf.reportRegistration(fact).catch(() => log.alarm("waf.registration-not-noted"));
    },
    media,
    sealKey: sealKey(config.data),
    home: { homeDomain: config.home.domain, entryPoint: config.home.entryPoint, protocol: config.home.protocol },
    networkId: config.home.domain,
    mw: config.mw,
    w2: { sentBy: host.includes(":") ? host : `${host}:443`, originAllowed: (origin) => origins.has(origin) },
    authzServer: waf.issuer,
    dialPlan: {
      domains: [config.home.domain, ...config.tenants.map(({ block }) => block.domain)],
      internationalPrefix: config.dialPlan.internationalPrefix,
      ...(config.dialPlan.national === undefined ? {} : { national: config.dialPlan.national }),
    },
    emergencyNumbers: config.emergencyNumbers,
    maxExpires: config.maxExpiresSeconds,
    graceSeconds: config.graceSeconds,
    latchCoreMedia: config.media.latchCore,
  });
  onClose(() => epcscf.close());

  await http.register(wafRoutes(waf));
  http.get("/health", () => ({ status: "ok", ...epcscf.counts, media: media.size }));
  http.server.on("upgrade", (request, socket, head) => {
    if (request.url?.split("?", 1)[0] === w2Path) epcscf.upgrade(request, socket, head, tls !== undefined);
    else socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  await http.ready();
  return { url, mwPort: epcscf.mwPort, waf, epcscf, media, close };
}

function tenants(config: PortalConfig): TenantConfig[] {
  return config.tenants.map((tenant) => ({ ...tenant, emergencyNumbers: config.emergencyNumbers }));
}

async function listenFirst(server: Server, at: { address: string; port: number }): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(at.port, at.address, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server.address() as AddressInfo;
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.origin;
}
