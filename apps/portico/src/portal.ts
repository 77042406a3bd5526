import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { openEmbeddedPlane, type MediaPlane } from "@portico/agw";
import { Epcscf, JwtVerifier, type Log } from "@portico/epcscf";
import { openStore } from "@portico/store";
import { systemClock, systemRandom } from "@portico/transport";
import { openWaf, wafRoutes, type Waf } from "@portico/waf";
import { fastify } from "fastify";
import type { PortalConfig } from "./config/schema.ts";
import { sealKey } from "./sealKey.ts";

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
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll(opened));
  try {
    return await start(config, log, (step) => opened.push(step), close);
  } catch (error) {
    // What went wrong first is what is told.
    await close().catch(() => undefined);
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
  const server = httpServer(tls);
  let serve: RequestListener = notYet;
  const http = fastify({
    logger: false,
    bodyLimit: 65_536,
    serverFactory(handler) {
      serve = handler;
      return server;
    },
  });
  // The port comes first: with port 0 the issuer and the W2 address depend on it.
  server.on("request", notYet);
  const binding = await listenFirst(server, config.listen);
  onClose(async () => {
    await http.close();
    server.closeAllConnections();
    await promisify(server.close.bind(server))();
  });
  const url = config.listen.port === 0 ? withPort(config.publicUrl, binding.port) : config.publicUrl;
  const { host } = new URL(url);

  const store = await openStore({ sqlite: join(config.data, "portal.sqlite") });
  onClose(() => store.close());
  const waf = await openWaf({
    store,
    issuer: `${url}/waf`,
    homeDomain: config.home.domain,
    wss: [`${url.replace(/^http/, "ws")}${w2Path}`],
    tenants: config.tenants,
    emergencyNumbers: config.emergencyNumbers,
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
    reportSession: async (fact) => {
      const { id, icid, direction, since, answeredAt } = fact.session;
      const end = fact.type === "ended" ? { by: fact.end.by, status: fact.end.status } : {};
      const answered = answeredAt === undefined ? {} : { setupMs: answeredAt - since };
      log.info(`session.${fact.type}`, { id, icid, direction, ...answered, ...end });
    },
    media,
    // ARCHITECTURE: a node is named by its own address on Mw.
    node: `${config.mw.address}:${config.mw.port}`,
    registrationStore: {
      all: (node) => store.registrations.all(node),
      write: (node, { saved, removed }) =>
        store.transaction(async ({ registrations }) => {
          await registrations.save(node, saved);
          await registrations.remove(node, removed);
        }),
    },
    sealKey: sealKey(config.data),
    home: { homeDomain: config.home.domain, entryPoint: config.home.entryPoint, protocol: config.home.protocol },
    networkId: config.home.domain,
    mw: config.mw,
    w2: { sentBy: host.includes(":") ? host : `${host}:443`, originAllowed: (origin) => origins.has(origin) },
    authzServer: waf.issuer,
    dialPlan: {
      domains: [config.home.domain, ...waf.domains()],
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
  await http.ready();
  server.off("request", notYet).on("request", serve);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split("?", 1)[0] === w2Path) epcscf.upgrade(request, socket, head, tls !== undefined);
    else refuseUpgrade(socket);
  });
  return { url, mwPort: epcscf.mwPort, waf, epcscf, media, close };
}

/** Closes what was opened, the last first; a step that fails keeps no other from being done. */
async function closeAll(opened: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of opened.toReversed()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** A request, headers and body, must have come within 15 s. */
function httpServer(tls: PortalConfig["tls"]): Server {
  const bounds = { requestTimeout: 15_000 };
  if (tls === undefined) return createServer(bounds);
  return createTlsServer({ ...bounds, cert: readFileSync(tls.cert), key: readFileSync(tls.key) });
}

/** Answers while the portal starts: browsers and web servers that knew the one before come back at once. */
function notYet(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { "Retry-After": "1", Connection: "close" }).end();
}

function refuseUpgrade(socket: Duplex): void {
  // Node no longer watches an upgraded socket: its error would end the process, its peer could hold it for ever.
  socket.on("error", () => undefined);
  socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", () => socket.destroy());
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
