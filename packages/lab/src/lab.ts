import type { SipRequest, SipResponse } from "@portico/sip";
import type { SocketAddress } from "@portico/transport";
import type { Element } from "./core/element.ts";
import { Hss } from "./core/hss.ts";
import type { CxQuery, Subscription } from "./core/hss.ts";
import { Icscf } from "./core/icscf.ts";
import { Interceptors } from "./core/interception.ts";
import type { Interceptor } from "./core/interception.ts";
import type { Binding, ContactEvent } from "./core/registrar.ts";
import type { ExpiryBounds } from "./core/register.ts";
import { Scscf } from "./core/scscf.ts";
import { tell } from "./listeners.ts";
import type { TelephoneCall } from "./telephones/call.ts";
import { Exchange, defaultTelephones } from "./telephones/exchange.ts";
import type { DialOptions, Telephone } from "./telephones/exchange.ts";
import { Wire } from "./wire.ts";

/** Ports of the lab's elements; 0 or absent: any. */
export interface LabPorts {
  readonly icscf?: number | undefined;
  readonly scscf?: number | undefined;
  readonly telephones?: number | undefined;
}

/** How a lab is set up. */
export interface LabOptions {
  /** Address of all elements, also of RTP. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default "ims.test". */
  readonly homeDomain?: string | undefined;
  readonly ports?: LabPorts | undefined;
  /** First and last port of the telephones' RTP. Default 42000 to 42999. */
  readonly rtpPorts?: readonly [number, number] | undefined;
  readonly subscriptions: readonly Subscription[];
  /** Addresses of the nodes whose `auth-done` counts: the portal's. */
  readonly trusted: readonly string[];
  /** Default: echo, tone, call-back, never answers, busy at +12025550110 to 150. */
  readonly telephones?: readonly Telephone[] | undefined;
  /**
   * SIP URI of an application server: every INVITE passes it on either side, and it gets third-party REGISTERs. Its address
   * must be a trusted one.
   */
  readonly applicationServer?: string | undefined;
  /** I-CSCFs of the core; the configured port is that of the first. Default 1. */
  readonly icscfs?: number | undefined;
  /** Seconds that a registration may last. Default 1 to 3600. */
  readonly expiry?: ExpiryBounds | undefined;
}

/** The reasons of a Registration-Termination-Request (TS 29.229 §6.3.16). */
export type DeregistrationReason = "PERMANENT_TERMINATION" | "NEW_SERVER_ASSIGNED" | "SERVER_CHANGE" | "REMOVE_S-CSCF";

/** How the HSS ends a registration. */
export interface DeregistrationOptions {
  /** Default PERMANENT_TERMINATION. */
  readonly reason?: DeregistrationReason;
  /** Whether the S-CSCF ends the calls itself; default false: it leaves that to the portal. */
  readonly releaseCalls?: boolean;
}

/** Who is registered at the S-CSCF, and where. */
export interface RegisteredUser {
  readonly impi: string;
  readonly impu: string;
  /** The implicit registration set, default first. */
  readonly identities: readonly string[];
  readonly contacts: readonly Binding[];
}

/** A running IMS core with telephones. */
export interface Lab {
  readonly host: string;
  readonly homeDomain: string;
  readonly icscf: SocketAddress;
  /** All I-CSCFs, that one first. */
  readonly icscfs: readonly SocketAddress[];
  readonly scscf: SocketAddress;
  readonly telephonesAt: SocketAddress;
  /** Breaches of the rules toward the core so far, each with its requirement; a test asserts that there are none. */
  readonly violations: readonly string[];
  /** Tells of each breach as it happens. @returns ends it */
  onViolation(listener: (text: string) => void): () => void;
  readonly wire: Wire;
  /** What the CSCFs asked the HSS, the latest 2000 questions. */
  readonly cx: readonly CxQuery[];
  /** Has the I-CSCF or the S-CSCF answer, or swallow, requests as a test wishes. @returns ends it */
  intercept(interceptor: Interceptor): () => void;
  /** The S-CSCF's live registrations. */
  readonly registrations: readonly RegisteredUser[];
  readonly telephones: Pick<Exchange, "calls" | "onCall" | "onMedia" | "onKey">;
  /** Calls out of a telephone. */
  dial(options: DialOptions): Promise<TelephoneCall>;
  /** The HSS ends a registration (RTR). @returns false when the identity was not registered */
  deregister(impu: string, options?: DeregistrationOptions): boolean;
  /**
   * The HSS has another list of who may register a subscription as a WAF or WWSF, and pushes it to the S-CSCF (PPR).
   * @returns false when the identity is nobody's
   */
  allow(impu: string, allowedWafWwsf: readonly string[] | undefined): boolean;
  /** Closes an I-CSCF's sockets, as a crash would. @param index in {@link icscfs} */
  stopIcscf(index: number): Promise<void>;
  /** Opens them again, at the same port. */
  startIcscf(index: number): Promise<void>;
  /** The S-CSCF crashes and comes back at its port, having forgotten every registration. */
  restartScscf(): Promise<void>;
  /** Ends calls and closes every socket. Idempotent. */
  close(): Promise<void>;
}

const mostViolations = 1000;

/** TS 24.229 §5.4.1.5: "deactivated" lets the user agent register again at once, "rejected" does not. */
const eventOfReason: Record<DeregistrationReason, ContactEvent> = {
  PERMANENT_TERMINATION: "rejected",
  NEW_SERVER_ASSIGNED: "deactivated",
  SERVER_CHANGE: "deactivated",
  "REMOVE_S-CSCF": "rejected",
};

class RunningLab implements Lab {
  readonly host: string;
  readonly homeDomain: string;
  readonly wire: Wire = new Wire();
  readonly violations: string[] = [];
  readonly #onViolation = new Set<(text: string) => void>();
  readonly #o: LabOptions;
  readonly #names = new Map<string, SocketAddress>();
  readonly #trusted: ReadonlySet<string>;
  readonly #hss: Hss;
  readonly #interceptors = new Interceptors();
  readonly #icscfs: Icscf[] = [];
  #scscf: Scscf | undefined;
  #exchange: Exchange | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LabOptions) {
    this.#o = options;
    this.host = options.host ?? "127.0.0.1";
    this.homeDomain = options.homeDomain ?? "ims.test";
    this.#hss = new Hss(options.subscriptions, this.homeDomain);
    this.#trusted = new Set([...options.trusted, this.host]);
  }

  async open(): Promise<this> {
    const { ports = {}, icscfs = 1 } = this.#o;
    try {
      for (let index = 0; index < icscfs; index += 1) {
        this.#icscfs.push(await Icscf.open({ ...this.#common, port: index === 0 ? (ports.icscf ?? 0) : 0 }));
      }
      this.#scscf = await Scscf.open({ ...this.#common, port: ports.scscf ?? 0 });
      this.#exchange = await Exchange.open({ ...this.#common, port: ports.telephones ?? 0 });
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#names.set(this.homeDomain, this.icscf);
    for (const element of this.#elements) this.#names.set(element.sentBy, addressOf(element));
    return this;
  }

  /** What every element is opened with. */
  get #common() {
    const { applicationServer, telephones = defaultTelephones } = this.#o;
    return {
      host: this.host,
      homeDomain: this.homeDomain,
      wire: this.wire,
      names: this.#names,
      hss: this.#hss,
      interceptors: this.#interceptors,
      applicationServer,
      icscf: () => started(this.#icscfs[0]).element,
      icscfs: () => this.#icscfs.map(({ element }) => element),
      scscf: () => started(this.#scscf).element,
      breakout: () => started(this.#exchange).element,
      isTrusted: (address: string) => this.#trusted.has(address),
      isOwn: (request: SipRequest) => this.#isOwn(request),
      isOwnAddress: ({ address, port }: SocketAddress) => address === this.host && this.#ownPort(port),
      isTemporaryGruu: (uri: string) => started(this.#scscf).isTemporaryGruu(uri),
      violation: (text: string, message: SipRequest | SipResponse) => this.#violation(text, message),
      expiry: this.#o.expiry ?? { min: 1, max: 3600 },
      telephones,
      rtpPorts: this.#o.rtpPorts ?? ([42_000, 42_999] as const),
    };
  }

  get #elements(): Element[] {
    const others = [this.#scscf, this.#exchange].filter((one) => one !== undefined);
    return [...this.#icscfs, ...others].map(({ element }) => element);
  }

  get icscf(): SocketAddress {
    return addressOf(started(this.#icscfs[0]).element);
  }

  get icscfs(): readonly SocketAddress[] {
    return this.#icscfs.map(({ element }) => addressOf(element));
  }

  async stopIcscf(index: number): Promise<void> {
    await started(this.#icscfs[index]).close();
  }

  async startIcscf(index: number): Promise<void> {
    const { port } = addressOf(started(this.#icscfs[index]).element);
    this.#icscfs[index] = await Icscf.open({ ...this.#common, port });
  }

  async restartScscf(): Promise<void> {
    const { port } = this.scscf;
    await started(this.#scscf).close();
    this.#scscf = await Scscf.open({ ...this.#common, port });
  }

  get scscf(): SocketAddress {
    return addressOf(started(this.#scscf).element);
  }

  get telephonesAt(): SocketAddress {
    return addressOf(started(this.#exchange).element);
  }

  get cx(): readonly CxQuery[] {
    return this.#hss.queries;
  }

  intercept(interceptor: Interceptor): () => void {
    return this.#interceptors.add(interceptor);
  }

  get registrations(): readonly RegisteredUser[] {
    return started(this.#scscf).registrar.registrations.map(({ subscription, identities, bindings }) => {
      return { impi: subscription.impi, impu: subscription.impu, identities, contacts: bindings };
    });
  }

  get telephones(): Exchange {
    return started(this.#exchange);
  }

  dial(options: DialOptions): Promise<TelephoneCall> {
    return started(this.#exchange).dial(options);
  }

  onViolation(listener: (text: string) => void): () => void {
    this.#onViolation.add(listener);
    return () => this.#onViolation.delete(listener);
  }

  deregister(impu: string, options: DeregistrationOptions = {}): boolean {
    const { reason = "PERMANENT_TERMINATION", releaseCalls = false } = options;
    return started(this.#scscf).deregister(impu, eventOfReason[reason], releaseCalls);
  }

  allow(impu: string, allowedWafWwsf: readonly string[] | undefined): boolean {
    const profile = this.#hss.allow(impu, allowedWafWwsf);
    if (profile !== undefined) started(this.#scscf).registrar.profile(profile);
    return profile !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#exchange?.close();
    await Promise.all([...this.#icscfs.map((icscf) => icscf.close()), this.#scscf?.close()]);
  }

  #ownPort(port: number): boolean {
    return this.#elements.some(({ endpoint }) => endpoint.port === port);
  }

  #isOwn(request: SipRequest): boolean {
    const { host, port } = request.topVia;
    const uri = { scheme: "sip", host, port: port ?? 5060, params: new Map<string, string | undefined>() };
    return this.#elements.some((element) => element.owns(uri));
  }

  #violation(text: string, message: SipRequest | SipResponse): void {
    const { method } = message.cseq;
    const what = "status" in message ? `${message.status} (${method})` : method;
    const line = `${text} [${what}]`;
    if (this.violations.length < mostViolations) this.violations.push(line);
    tell(this.#onViolation, (listener) => listener(line));
  }
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new TypeError("the lab is not open");
  return part;
}

function addressOf({ endpoint }: Element): SocketAddress {
  return { address: endpoint.address, port: endpoint.port };
}

/**
 * Starts an IMS core with telephones on one address.
 * @throws TransportError when a port is taken
 * @example
 * const lab = await startLab({ subscriptions: [{ impi: "u1@ims.test", impu: "sip:u1@ims.test" }], trusted: ["127.0.0.1"] });
 * // … register at lab.icscf, call tel:+12025550110 …
 * await lab.close();
 */
export function startLab(options: LabOptions): Promise<Lab> {
  return new RunningLab(options).open();
}
