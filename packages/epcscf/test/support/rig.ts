import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { MediaContext, MediaEvent, MediaPlane } from "@portico/agw";
import {
  octets,
  parseMessage,
  SipRequest,
  SipResponse,
  UserAgent,
  type Clock,
  type Hop,
  type Resolver,
  type ServerTransaction,
  type SipMessage,
} from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom, type SipEndpoint, type TlsOptions } from "@portico/transport";
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { WebSocket } from "ws";
import { MortalClock } from "./mortalClock.ts";
import { MemoryStore } from "./memoryStore.ts";
import {
  type DialPlan,
  Epcscf,
  JwtVerifier,
  type RegistrationFact,
  type Revocation,
  type MessageFact,
  type RegistrationUse,
  type SubscriptionFact,
  type SessionFact,
  type SharedSet,
  type SharedLimits,
  type TenantPolicy,
} from "../../src/index.ts";

export const site = "https://talk.acme.example";
export const impu = "sip:u0042@acme.ims.test";
export const impi = "u0042.acme@ims.test";
const issuer = "https://portal.ims.test/waf";

/** A media plane without sockets, for tests of signalling; it notes what it was told. */
class SilentPlane implements MediaPlane {
  readonly contexts: SilentContext[] = [];
  full = false;
  get size(): number {
    return this.contexts.filter(({ closed }) => !closed).length;
  }
  async open(): Promise<MediaContext> {
    if (this.full) throw new Error("no ports left");
    const context = new SilentContext(this.contexts.length);
    this.contexts.push(context);
    return context;
  }
  async close(): Promise<void> {
    for (const context of this.contexts) context.close();
  }
}

export class SilentContext implements MediaContext {
  readonly id: string;
  readonly access: MediaContext["access"];
  readonly core: MediaContext["core"];
  closed = false;
  accessRemote: Parameters<MediaContext["setAccessRemote"]>[0] | undefined;
  coreRemote: Parameters<MediaContext["setCoreRemote"]>[0] | undefined;
  flow: Parameters<MediaContext["relay"]>[0] | undefined;
  readonly #listeners = new Set<(event: MediaEvent) => void>();
  constructor(at: number) {
    this.id = String(at);
    const port = 40_000 + at * 2;
    this.access = {
      ufrag: "gwuf",
      pwd: "gatewaypasswordofmore22",
      fingerprint: { algorithm: "sha-256", value: "2F:91:0A" },
      address: "203.0.113.50",
      port: 40_100,
      candidates: [
        {
          foundation: "1",
          component: 1,
          transport: "udp",
          priority: 2_130_706_431,
          address: "203.0.113.50",
          port: 40_100,
          type: "host",
        },
      ],
    };
    this.core = { address: "192.0.2.50", port, rtcpPort: port + 1 };
  }
  setAccessRemote(remote: Parameters<MediaContext["setAccessRemote"]>[0]): void {
    this.accessRemote = remote;
  }
  setCoreRemote(remote: Parameters<MediaContext["setCoreRemote"]>[0]): void {
    this.coreRemote = remote;
  }
  relay(flow: Parameters<MediaContext["relay"]>[0]): void {
    this.flow = flow;
  }
  stats(): ReturnType<MediaContext["stats"]> {
    throw new Error("signalling asks for no statistics");
  }
  on(listener: (event: MediaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  emit(event: MediaEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
  close(): void {
    this.closed = true;
  }
}

/** The home network as one scripted element: it keeps what it got and answers as told. */
export class ScriptedCore {
  readonly endpoint: SipEndpoint;
  readonly agent: UserAgent;
  readonly got: SipRequest[] = [];
  answer: (tx: ServerTransaction) => void = (tx) => tx.reply(501);

  private constructor(endpoint: SipEndpoint, agent: UserAgent) {
    this.endpoint = endpoint;
    this.agent = agent;
  }

  static async open({
    address = "127.0.0.1",
    tls,
  }: { address?: string; tls?: TlsOptions } = {}): Promise<ScriptedCore> {
    let core: ScriptedCore | undefined;
    const endpoint = await openSipEndpoint({
      address,
      port: 0,
      udp: true,
      tcp: true,
      tls,
      onMessage: (message, hop) => core?.receive(message, hop),
    });
    const agent = new UserAgent({ clock: systemClock, random: systemRandom, onRequest: (tx) => core?.answer(tx) });
    core = new ScriptedCore(endpoint, agent);
    return core;
  }

  receive(message: SipMessage, hop: Hop): void {
    if (message instanceof SipRequest) this.got.push(message);
    this.agent.receive(message, hop);
  }

  last(method: string): SipRequest {
    const found = this.got.findLast((request) => request.method === method);
    if (found === undefined) throw new Error(`the core got no ${method}`);
    return found;
  }

  get uri(): string {
    const { address, port } = this.endpoint;
    return `sip:${address.includes(":") ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.agent.close();
    await this.endpoint.close();
  }
}

/** Answers as an S-CSCF that trusts the portal; grants what is asked. */
export function grant(core: ScriptedCore): (tx: ServerTransaction) => void {
  return (tx) => {
    const { request } = tx;
    if (request.method === "SUBSCRIBE") return tx.reply(200, { headers: [["Expires", "600"]] });
    if (request.method !== "REGISTER") return tx.reply(501);
    const [contact = ""] = request.list("Contact");
    tx.reply(200, {
      headers: [
        ["Path", request.get("Path") ?? ""],
        ["Service-Route", `<${core.uri.replace("sip:", "sip:orig@")};transport=tcp;lr>`],
        ["P-Associated-URI", `<${impu}>, <tel:+12125550142>`],
        ["P-Charging-Vector", `icid-value="x";term-ioi="Type 1ims.test"`],
        ["P-Charging-Function-Addresses", "ccf=192.0.2.5"],
        ["Require", "outbound"],
        ...(request.get("Expires") === "0" ? [] : [["Contact", contact] as [string, string]]),
      ],
    });
  };
}

/** A browser's SIP side over a real WebSocket. */
export class Browser implements Hop {
  readonly protocol = "WSS";
  readonly reliable = true;
  readonly sentBy = "k3v9q0d1xm.invalid";
  readonly socket: WebSocket;
  readonly agent: UserAgent;
  readonly got: SipMessage[] = [];
  readonly raw: { octets: string; binary: boolean }[] = [];
  answer: (tx: ServerTransaction) => void = (tx) => tx.reply(501);
  #cseq = 0;
  /** Whose page it is. */
  impu = impu;
  readonly #callId = `${systemRandom.token(12)}@k3v9q0d1xm.invalid`;
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.agent = new UserAgent({ clock: systemClock, random: systemRandom, onRequest: (tx) => this.answer(tx) });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (bytes: Buffer, binary: boolean) => {
      const text = bytes.toString("latin1");
      this.raw.push({ octets: text, binary });
      if (text === "\r\n") return;
      const message = readable(text);
      if (message === undefined) return;
      this.got.push(message);
      this.agent.receive(message, this);
    });
  }

  send(message: string): boolean {
    this.socket.send(
      octets.isUtf8(message) ? Buffer.from(message, "latin1").toString() : Buffer.from(message, "latin1"),
    );
    return true;
  }

  async request(
    method: string,
    uri: string,
    headers: [string, string][],
    body?: { readonly type: string; readonly text: string },
  ): Promise<SipResponse> {
    this.#cseq += 1;
    return await this.agent.send(
      SipRequest.create(
        method,
        uri,
        [
          ...(headers.some(([name]) => name === "Max-Forwards") ? [] : [["Max-Forwards", "70"] as const]),
          ["From", `<${this.impu}>;tag=w1`],
          ["To", `<${this.impu}>`],
          ["Call-ID", this.#callId],
          ["CSeq", `${this.#cseq} ${method}`],
          ...headers,
        ],
        body,
      ),
      this,
    );
  }

  register(
    token: string | undefined,
    more: { expires?: number; headers?: [string, string][]; contact?: string } = {},
  ): Promise<SipResponse> {
    const { expires = 600, headers = [] } = more;
    return this.request("REGISTER", "sip:ims.test", [
      [
        "Contact",
        more.contact ??
          `<sip:u0042@k3v9q0d1xm.invalid;transport=ws>;reg-id=1;expires=${expires};+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77>"`,
      ],
      ["Supported", "path, gruu, outbound"],
      ...(token === undefined ? [] : [["Authorization", `Bearer ${token}`] as [string, string]]),
      ...headers,
    ]);
  }
}

/** A 400 repeats what was wrong in its request, so that not every answer can be read. */
function readable(text: string): SipMessage | undefined {
  try {
    return parseMessage(text);
  } catch {
    return undefined;
  }
}

export interface Rig {
  readonly node: Epcscf;
  readonly core: ScriptedCore;
  readonly media: SilentPlane;
  readonly store: MemoryStore;
  /** The operator's table. */
  readonly block: Set<string>;
  /** Tenants whose tokens count no more. */
  readonly suspended: Set<string>;
  readonly alarms: string[];
  readonly warnings: string[];
  readonly facts: RegistrationFact[];
  /** Usage records, as they were to be written. */
  readonly records: SessionFact[];
  /** As {@link Rig.records}, of messages. */
  readonly messages: MessageFact[];
  readonly subscriptions: SubscriptionFact[];
  readonly uses: RegistrationUse[];
  /** What writing a usage record takes. */
  writing: Promise<void>;
  readonly url: string;
  token(
    claims?: Record<string, unknown>,
    options?: { seconds?: number; key?: CryptoKey; alg?: string; typ?: string },
  ): Promise<string>;
  revoke(revocation: Revocation): void;
  /** The node's process dies: no timer, no write, no socket of browsers from now on. */
  crash(): void;
  connect(options?: { origin?: string; protocols?: string[] }): Promise<Browser>;
  close(): Promise<void>;
}

const dialPlan: DialPlan = {
  domains: ["ims.test", "acme.ims.test"],
  internationalPrefix: "011",
  national: { trunk: "1", country: "+1", digits: 10 },
};

/** What an entry of a wildcarded block has besides: u0042 the number +12125550142. */
const sharing = (entry: string, shared: SharedSet | undefined) =>
  shared && {
    shared,
    impi: shared.impi,
    tel: entry.replace(/^sip:u00(\d+)@.*/, "+121255501$1"),
  };

/** A node between a real WebSocket server and a scripted core. */
export async function openRig(
  options: {
    clock?: Clock;
    wallClock?: () => number;
    protocol?: "TCP" | "UDP" | "TLS";
    graceSeconds?: number;
    sessionGraceSeconds?: number;
    entryPoint?: string | ((core: ScriptedCore) => string | string[]);
    peers?: string[];
    maxPerAddress?: number;
    registrationsPerSecond?: number;
    maxPerSite?: number;
    /** What a node before it has left. */
    store?: MemoryStore;
    /** The core of a rig before it, which closes it. */
    core?: ScriptedCore;
    policy?: Partial<TenantPolicy>;
    /** Tenant of a site whose users have credentials of their own. */
    ownCredentials?: (origin: string) => string | undefined;
    sharedLimits?: SharedLimits;
    namesWwsf?: boolean;
    resolver?: Resolver;
    /** The block is a wildcarded one of this set. */
    shared?: () => SharedSet | undefined;
    /** Of both sides of Mw. */
    address?: string;
    /** The core's and the node's credentials. */
    coreTls?: TlsOptions;
    mwTls?: TlsOptions;
  } = {},
): Promise<Rig> {
  const { address = "127.0.0.1", coreTls, mwTls, entryPoint } = options;
  const core =
    options.core ?? (await ScriptedCore.open({ address, ...(coreTls === undefined ? {} : { tls: coreTls }) }));
  if (options.core === undefined) core.answer = grant(core);
  const media = new SilentPlane();
  const store = options.store ?? new MemoryStore();
  const alarms: string[] = [];
  const warnings: string[] = [];
  const facts: RegistrationFact[] = [];
  const records: SessionFact[] = [];
  const messages: MessageFact[] = [];
  const subscriptions: SubscriptionFact[] = [];
  const uses: RegistrationUse[] = [];
  const revocations = new Set<(revocation: Revocation) => void>();
  const revoked = new Set<string>();
  const suspended = new Set<string>();
  const block = new Set([impu, "sip:u0043@acme.ims.test"]);
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" }] });
  const wallClock = options.wallClock ?? Date.now;
  const http: Server = createServer();
  const sockets = new Set<Socket>();
  http.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const clock = new MortalClock(options.clock ?? systemClock);
  let dead = false;
  const { port } = http.address() as AddressInfo;
  const protocol = options.protocol ?? "TCP";
  const node = await Epcscf.open({
    clock,
    random: systemRandom,
    log: {
      info: () => undefined,
      warn: (event) => void warnings.push(event),
      alarm: (event) => void alarms.push(event),
    },
    wallClock,
    verifier: new JwtVerifier({ issuer, audience: "sip:ims.test", keys, now: wallClock }),
    blocks: {
      find: async (wanted) =>
        block.has(wanted)
          ? {
              tenant: "acme",
              clientIds: ["talk.acme.example"],
              impu: wanted,
              impi: wanted.replace(/^sip:(\w+)@acme\./, "$1.acme@"),
              ...sharing(wanted, options.shared?.()),
            }
          : undefined,
    },
    revocations: {
      isRevoked: ({ sessionId, tenant }) => revoked.has(sessionId) || suspended.has(tenant),
      onRevoked: (listener) => {
        revocations.add(listener);
        return () => revocations.delete(listener);
      },
    },
    reportRegistration: (fact) => void (dead || facts.push(fact)),
    reportSession: async (fact) => {
      records.push(fact);
      await rig.writing;
    },
    reportMessage: async (fact) => {
      messages.push(fact);
      await rig.writing;
    },
    noteRegistration: (use) => void uses.push(use),
    noteSubscription: (fact) => void subscriptions.push(fact),
    media,
    node: "node-1",
    registrationStore: {
      all: () => store.all(),
      inherit: () => store.inherit(),
      write: async (name, changes) => {
        if (!dead) await store.write(name, changes);
      },
    },
    sealKey: new Uint8Array(32).fill(7),
    home: {
      homeDomain: "ims.test",
      entryPoint:
        typeof entryPoint === "function"
          ? entryPoint(core)
          : (entryPoint ?? `${core.uri};transport=${protocol.toLowerCase()}`),
      protocol,
      namesWwsf: options.namesWwsf,
    },
    networkId: "ims.test",
    ownCredentials: options.ownCredentials,
    sharedLimits: options.sharedLimits,
    ...(options.resolver === undefined ? {} : { resolver: options.resolver }),
    mw: { address, port: 0, tls: mwTls, ...(options.peers === undefined ? {} : { peers: options.peers }) },
    w2: {
      sentBy: "portal.ims.test:443",
      originAllowed: (origin) => [site, "https://other.example"].includes(origin),
      ...(options.maxPerAddress === undefined ? {} : { maxPerAddress: options.maxPerAddress }),
      ...(options.maxPerSite === undefined ? {} : { maxPerSite: options.maxPerSite }),
    },
    authzServer: issuer,
    policyOf: () => ({ dialPlan, ...options.policy }),
    emergencyNumbers: ["911", "112"],
    maxExpires: 3600,
    graceSeconds: options.graceSeconds ?? 32,
    // Turns are taken in the node's own time, which many tests let stand.
    registrationsPerSecond: options.registrationsPerSecond ?? 1_000_000,
    sessionGraceSeconds: options.sessionGraceSeconds ?? 0,
    latchCoreMedia: false,
  });
  http.on("upgrade", (request, socket, head) => node.upgrade(request, socket, head, false));
  const url = `ws://127.0.0.1:${port}/w2`;
  const browsers: Browser[] = [];
  const rig: Rig = {
    node,
    core,
    media,
    store,
    block,
    suspended,
    alarms,
    warnings,
    facts,
    records,
    messages,
    subscriptions,
    uses,
    writing: Promise.resolve(),
    url,
    token: async (claims = {}, { seconds = 3600, key = privateKey, alg = "ES256", typ = "at+jwt" } = {}) => {
      const now = Math.floor(wallClock() / 1000);
      return await new SignJWT({
        client_id: "talk.acme.example",
        tenant: "acme",
        sid: "s1",
        scope: "ims.register ims.voice ims.message",
        impu,
        origins: [site],
        ...claims,
      })
        .setProtectedHeader({ alg, typ, kid: "k1" })
        .setIssuer(typeof claims["iss"] === "string" ? claims["iss"] : issuer)
        .setAudience(typeof claims["aud"] === "string" ? claims["aud"] : "sip:ims.test")
        .setSubject(typeof claims["sub"] === "string" ? claims["sub"] : "p-7c1f9d")
        .setJti(crypto.randomUUID())
        .setIssuedAt(typeof claims["iat"] === "number" ? claims["iat"] : now - 5)
        .setExpirationTime(now + seconds)
        .sign(key);
    },
    revoke: (revocation) => {
      if (revocation.sessionId !== undefined) revoked.add(revocation.sessionId);
      for (const listener of revocations) listener(revocation);
    },
    crash: () => {
      dead = true;
      clock.die();
      for (const socket of sockets) socket.destroy();
    },
    connect: async ({ origin = site, protocols = ["sip"] } = {}) => {
      const socket = new WebSocket(url, protocols, { origin });
      const browser = new Browser(socket);
      await new Promise<void>((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      browsers.push(browser);
      return browser;
    },
    close: async () => {
      for (const { socket, agent } of browsers) {
        socket.terminate();
        agent.close();
      }
      if (dead) clock.bury();
      await node.close();
      if (options.core === undefined) await core.close();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return rig;
}
