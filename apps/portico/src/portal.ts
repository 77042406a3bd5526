import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { openEmbeddedPlane, type MediaPlane } from "@portico/agw";
import { Epcscf, JwtVerifier, type Log } from "@portico/epcscf";
import { openSharedState, openStore, type SharedState } from "@portico/store";
import { systemClock, systemRandom } from "@portico/transport";
import { openWaf, secretBox, wafRoutes, type Waf } from "@portico/waf";
import { type Admin, type AdminOptions, openAdmin } from "./admin/admin.ts";
import { goneAfter } from "./admin/nodes.ts";
import type { NodeFacts } from "./admin/services.ts";
import { CallRecords } from "./callRecords.ts";
import type { PortalConfig } from "./config/schema.ts";
import { mwCredentials } from "./core/mwCredentials.ts";
import { CoreProbe } from "./core/probe.ts";
import { databaseOf } from "./database.ts";
import { appOn, healthRoutes } from "./http/app.ts";
import { clientCertificates, followCertificateClients } from "./http/clientCertificates.ts";
import { Listener } from "./http/listener.ts";
import { speakFor } from "./http/proxiedServer.ts";
import { type TlsFiles, watchTls } from "./http/tlsFiles.ts";
import { Readiness } from "./http/readiness.ts";
import { TrustedProxies } from "./http/trustedProxies.ts";
import type { LogLevel } from "./log.ts";
import { Metrics } from "./metrics/metrics.ts";
import { timedStore } from "./metrics/timedStore.ts";
import { openNodeKeys } from "./nodeKeys.ts";
import { Origins } from "./origins.ts";
import { Reload, type Reloaded } from "./reload.ts";
import { TenantLimits } from "./sharedLimits.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { sealKey } from "./sealKey.ts";
import { tenantPolicy } from "./tenantPolicy.ts";

/** A running portal: WAF, eP-CSCF and eIMS-AGW of one node. */
export interface Portal {
  /** Where it is reached; with the real port when the configured one was 0. */
  readonly url: string;
  /** Port of the eP-CSCF on Mw. */
  readonly mwPort: number;
  /** Port of the figures; undefined: they have no listener. */
  readonly metricsPort: number | undefined;
  readonly waf: Waf;
  readonly epcscf: Epcscf;
  readonly media: MediaPlane;
  /**
   * Brings the portal to another configuration as far as that ends nothing.
   * @returns what is in force now, and what needs a restart
   */
  reload(next: PortalConfig): Promise<Reloaded>;
  /** Where the Admin API is reached, with the real port; undefined: not configured. */
  readonly adminUrl: string | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A log whose level a reload may change. */
export type PortalLog = Log & { level?: LogLevel };

/** How long records of calls are kept unless the operator says otherwise, days. */
const callDays = 180;
const daySeconds = 86_400;

/** Of this product. */
const version = "0.0.0";

/** Path of W2 on the portal's HTTP server. */
const w2Path = "/w2";

/** Starts a portal. Whatever was opened is closed again when a later step fails. */
export async function startPortal(config: PortalConfig, log: PortalLog): Promise<Portal> {
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
  plainLog: PortalLog,
  onClose: (step: () => Promise<void>) => void,
  close: () => Promise<void>,
): Promise<Portal> {
  const startedAt = Date.now();
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const { listen, tls } = config;
  const metrics = new Metrics();
  const log = metrics.counting(plainLog);
  const proxies = new TrustedProxies(listen.trustedProxies ?? []);
  // The port comes first: with port 0 the issuer and the W2 address depend on it.
  const listener = await Listener.open({
    ...listen,
    tls: tls && publicTls(tls),
    log,
    proxies: listen.proxyProtocol === true ? proxies : undefined,
  });
  const telemetry = await telemetryOf(config, log);
  if (telemetry !== undefined) onClose(() => telemetry.close());
  const http = appOn(listener, { name: "public", proxies, metrics, telemetry });
  onClose(() => http.close());
  const url = listen.port === 0 ? withPort(config.publicUrl, listener.port) : config.publicUrl;
  const { host } = new URL(url);

  const opened = await openStore(databaseOf(config));
  onClose(() => opened.close());
  const store = timedStore(opened, (table, operation, seconds) => metrics.store(table, operation, seconds));
  const keys = await openNodeKeys(config, opened);
  const { tokenRecipient } = keys;
  const waf = await openWaf({
    store,
    issuer: `${url}/waf`,
    homeDomain: config.home.domain,
    wss: [`${url.replace(/^http/, "ws")}${w2Path}`],
    tenants: config.tenants,
    emergencyNumbers: config.emergencyNumbers,
    signingKeys: keys.signing,
    tokenRecipient,
    ...(config.insideHosts === undefined ? {} : { insideHosts: config.insideHosts }),
    ...(config.turn === undefined ? {} : { turn: config.turn }),
    retention: retentionOf(config),
    accessTokenSeconds: config.accessTokenSeconds,
    now: Date.now,
    random: systemRandom,
  });
  onClose(() => waf.close());
  waf.onAlarm(({ type, tenant }) => log.alarm(type, { tenant }));
  await writeFile(join(config.data, "hss.json"), waf.blocks.export("json"), { mode: 0o600 });

  const media = await openEmbeddedPlane({
    accessAddresses: config.media.access.map(({ bind, advertise }) =>
      advertise === undefined ? { bind } : { bind, advertise },
    ),
    accessPort: config.media.accessPort,
    coreAddress: config.media.coreAddress,
    corePorts: config.media.corePorts,
  });
  onClose(() => media.close());

  const records = new CallRecords(store, log, Date.now);
  onClose(() => records.close());
  const { tls: mwTls } = config.mw;
  const origins = await Origins.follow(waf);
  onClose(async () => origins.close());
  const shared = await openSharedState(config.sharedState);
  onClose(() => shared.close());
  const named = `${config.mw.address}:${config.mw.port}`;
  const sharedLimits =
    config.sharedState && new TenantLimits({ shared, node: named, held: (what, tenant) => epcscf.held(what, tenant) });
  if (sharedLimits !== undefined) onClose(() => sharedLimits.close());
  const epcscf: Epcscf = await Epcscf.open({
    clock: systemClock,
    random: systemRandom,
    log,
    wallClock: Date.now,
    verifier: new JwtVerifier({
      issuer: waf.issuer,
      audience: `sip:${config.home.domain}`,
      keys: waf.verificationKeys,
      decryptionKeys: () => tokenRecipient.privateKey,
      now: Date.now,
    }),
    blocks: { find: (impu) => waf.block.find(impu) },
    revocations: {
      isRevoked: (claims) => waf.isRevoked(claims),
      onRevoked: (tell) => waf.onRevoked(tell),
    },
    reportRegistration: (fact) => {
      waf.reportRegistration(fact).catch(() => log.alarm("waf.registration-not-noted"));
    },
    reportSession: (fact) => records.report(fact),
    reportMessage: (fact) => records.message(fact),
    noteRegistration: (use) => records.softState.registration(use),
    noteSubscription: (fact) => records.softState.subscription(fact),
    media,
    // ARCHITECTURE: a node is named by its own address on Mw.
    node: named,
    sharedLimits,
    registrationStore: {
      all: (node) => store.registrations.all(node),
      inherit: (node) => store.registrations.inherit(node, Date.now() - goneAfter),
      write: (node, { saved, removed }) =>
        store.transaction(async ({ registrations }) => {
          await registrations.save(node, saved);
          await registrations.remove(node, removed);
        }),
    },
    sealKey: sealKey(config.data),
    home: {
      homeDomain: config.home.domain,
      entryPoint: config.home.entryPoint,
      protocol: config.home.protocol,
      namesWwsf: config.home.namesWwsf,
    },
    networkId: config.home.domain,
    mw: { ...config.mw, tls: mwTls && { ...mwTls, ...mwCredentials(mwTls) } },
    w2: { sentBy: host.includes(":") ? host : `${host}:443`, originAllowed: (origin) => origins.allows(origin) },
    authzServer: waf.issuer,
    ownCredentials: (origin) => {
      const tenant = config.ownCredentials?.find((site) => site.origin === origin)?.tenant;
      return tenant !== undefined && waf.isActive(tenant) ? tenant : undefined;
    },
    policyOf: (tenant) => tenantPolicy(config, waf, tenant),
    emergencyNumbers: config.emergencyNumbers,
    maxExpires: config.maxExpiresSeconds,
    graceSeconds: config.graceSeconds,
    sessionGraceSeconds: config.sessionGraceSeconds ?? 60,
    latchCoreMedia: config.media.latchCore,
  });
  onClose(() => epcscf.close());
  if (mwTls !== undefined) {
    const { cert, key, ca } = mwTls;
    const renewed = { setSecureContext: () => epcscf.setMwCredentials(mwCredentials(mwTls)) };
    const unwatch = watchTls(ca === undefined ? { cert, key } : { cert, key, ca }, renewed, log);
    onClose(async () => unwatch());
  }
  const node = `${config.mw.address}:${epcscf.mwPort}`;
  await records.begin(node, startedAt);
  await records.forgetAfter(config.retention?.calls ?? callDays);
  epcscf.on(records.count);

  const admin = await openAdminOf(
    config,
    { store, waf, live: epcscf, log, auditKey: keys.audit, telemetry, relay: relayOf(config, shared) },
    { name: node, publicUrl: url, startedAt },
  );
  if (admin !== undefined) onClose(() => admin.close());

  epcscf.on((event) => metrics.note(event));
  if (telemetry !== undefined) epcscf.on((event) => telemetry.note(event));

  const core = await CoreProbe.open(config);
  onClose(() => core.close());
  const readiness = new Readiness({
    database: () => opened.suspensions.all(),
    core: () => coreAnswers(core, metrics),
    media: async () => media.size,
  });
  metrics.readFrom({
    epcscf,
    media,
    parts: () => readiness.parts(),
    tenants: async () => (await waf.tenants.list()).map(({ id }) => id),
    blockUse: (tenant) => waf.usage(tenant),
  });
  healthRoutes(http.app, readiness);
  const { clientCertificates: told } = listen;
  const certificateOf = clientCertificates(told === undefined ? {} : { proxies, ca: told.ca });
  // RFC 8705 §5: the same URLs, where the listener or a proxy before it asks for certificates.
  const mutualTls = tls === undefined && told === undefined ? {} : { mutualTls: waf.issuer };
  await http.app.register(wafRoutes(waf, { shared, certificateOf, ...mutualTls }));
  const unfollow = await followCertificateClients(waf, (wanted) => listener.askForCertificates(wanted));
  onClose(async () => unfollow());
  const metricsPort = await openMetrics(config.metrics, metrics, log, onClose);
  await http.open();
  // A proxy that ends TLS makes W2 as secure as its own listener.
  const secure = new URL(url).protocol === "https:";
  listener.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split("?", 1)[0] !== w2Path) return refuseUpgrade(socket);
    // The socket is this client's alone from now on.
    speakFor(request.socket, proxies.clientOf(request));
    epcscf.upgrade(request, socket, head, secure);
  });
  const reload = new Reload(config, {
    "log.level": (next) => {
      plainLog.level = next.log?.level ?? "info";
      return true;
    },
    tenants: async (next) => {
      await waf.tenants.defineFile(next.tenants);
      await waf.notice();
      return true;
    },
    "listen.trustedProxies": (next) => {
      proxies.replace(next.listen.trustedProxies ?? []);
      return true;
    },
    tls: (next) => {
      // Whether there is TLS at all is decided when the listener opens.
      if (tls === undefined || next.tls === undefined) return false;
      listener.renewTls(publicTls(next.tls));
      return true;
    },
  });
  return {
    url,
    mwPort: epcscf.mwPort,
    metricsPort,
    adminUrl: admin?.url,
    waf,
    epcscf,
    media,
    reload: (next) => reload.to(next),
    close,
  };
}

/** Nothing of it is loaded where nobody asks for it. */
async function telemetryOf({ telemetry, mw }: PortalConfig, log: Log): Promise<Telemetry | undefined> {
  if (telemetry === undefined) return undefined;
  const { openTelemetry } = await import("./telemetry/telemetry.ts");
  return openTelemetry({ ...telemetry, origin: { node: `${mw.address}:${mw.port}`, version }, log });
}

/** Nodes hear of each other's events where they share a state and a secret. */
function relayOf({ sharedState, keySecret }: PortalConfig, shared: SharedState): AdminOptions["relay"] {
  if (sharedState === undefined || keySecret === undefined) return undefined;
  return { shared, box: secretBox(keySecret, "portico events", "portico events") };
}

/** As the WAF takes it: seconds, and only what is set. */
function retentionOf({ retention: { tokens, persons } = {} }: PortalConfig): { tokens?: number; persons?: number } {
  return {
    ...(tokens === undefined ? {} : { tokens: tokens * daySeconds }),
    ...(persons === undefined ? {} : { persons: persons * daySeconds }),
  };
}

/** Files of the public listener, as {@link Listener} takes them. */
function publicTls({ cert, key, clientCa }: NonNullable<PortalConfig["tls"]>): TlsFiles {
  return clientCa === undefined ? { cert, key } : { cert, key, ca: clientCa };
}

/** The figures on a listener of their own. @returns its port */
async function openMetrics(
  at: PortalConfig["metrics"],
  metrics: Metrics,
  log: Log,
  onClose: (step: () => Promise<void>) => void,
): Promise<number | undefined> {
  if (at === undefined) return undefined;
  const listener = await Listener.open({ ...at, log });
  const http = appOn(listener, { name: "metrics", metrics });
  onClose(() => http.close());
  http.app.get("/metrics", async (_, reply) => {
    const { type, body } = await metrics.text();
    return reply.header("Content-Type", type).send(body);
  });
  await http.open();
  return listener.port;
}

/** @throws Error when no entry of the core answers */
async function coreAnswers(core: CoreProbe, metrics: Metrics): Promise<void> {
  const answers = await core.options();
  for (const { status, seconds } of answers) metrics.core("OPTIONS", status, seconds);
  const last = answers.at(-1)?.status ?? 503;
  if (last === 503 || last === 408) throw new Error("the core does not answer");
}

async function openAdminOf(
  { admin, data, home }: PortalConfig,
  parts: Pick<AdminOptions, "store" | "waf" | "live" | "log" | "auditKey" | "telemetry" | "relay">,
  node: Pick<NodeFacts, "name" | "publicUrl" | "startedAt">,
): Promise<Admin | undefined> {
  if (admin === undefined) return undefined;
  const { oidc, nodeUrl, ...listen } = admin;
  return await openAdmin({
    ...parts,
    listen,
    ...(oidc === undefined ? {} : { oidc }),
    ...(nodeUrl === undefined ? {} : { nodeUrl }),
    data,
    node: { ...node, version, homeDomain: home.domain },
  });
}

/** Closes what was opened, the last first; a step that fails keeps no other from being done. */
async function closeAll(opened: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of opened.toReversed()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function refuseUpgrade(socket: Duplex): void {
  // Node no longer watches an upgraded socket: its error would end the process, its peer could hold it for ever.
  socket.on("error", () => undefined);
  socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", () => socket.destroy());
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.origin;
}
