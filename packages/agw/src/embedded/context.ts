import { randomUUID } from "node:crypto";
import type { RemoteInfo } from "node:dgram";
import { AgwError } from "../errors.ts";
import type {
  AccessRemote,
  AccessTermination,
  CoreRemote,
  CoreTermination,
  DropReason,
  MediaContext,
  MediaEvent,
  MediaStats,
  RelayPlan,
} from "../mediaPlane.ts";
import { AccessLeg, type AccessLegEvents, type AccessLegOptions } from "./accessLeg.ts";
import { CorePeer } from "./corePeer.ts";
import type { CoreHandlers, CorePair } from "./corePorts.ts";
import { RateLimit } from "./rateLimit.ts";
import { relayRules, type RelayRules } from "./relayRules.ts";
import { readRtp, type RtpPacket } from "./rtp.ts";
import { sentHeaderLength } from "./rtpStream.ts";
import { RtpTermination } from "./termination.ts";

export interface ContextOptions extends AccessLegOptions {
  readonly staleMs: number;
  readonly onClosed: (context: EmbeddedContext) => void;
}

/** Longest RTP packet taken from the core; what is longer would not fit an Ethernet frame as SRTP. */
const maxCorePacket = 1460;

/** Seconds between our reports, give or take a half (RFC 3550 §6.2: not in step with others). */
const reportSeconds = 5;

/**
 * One call's media in this process.
 *
 *     browser --SRTP--> authenticate, replay --> gate --> new header --RTP--> core
 *     browser <--SRTP-- protect <-- new header <-- gate <-- source <--RTP-- core
 */
export class EmbeddedContext implements MediaContext, AccessLegEvents, CoreHandlers {
  readonly id: string = randomUUID();
  readonly #options: ContextOptions;
  readonly #leg: AccessLeg;
  readonly #accessSide: RtpTermination = new RtpTermination();
  readonly #coreSide: RtpTermination = new RtpTermination();
  readonly #coreRate: RateLimit = new RateLimit();
  readonly #listeners = new Set<(event: MediaEvent) => void>();
  readonly #dropped: Record<DropReason, number> = {
    gate: 0,
    source: 0,
    authentication: 0,
    replay: 0,
    payload: 0,
    malformed: 0,
    rate: 0,
  };
  readonly #openedAt: number = performance.now();
  #core: CorePair | undefined;
  #peer: CorePeer | undefined;
  #rules: { readonly toCore: RelayRules; readonly toAccess: RelayRules } | undefined;
  #toCoreOpen = false;
  #toAccessOpen = false;
  #nextReportAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: ContextOptions) {
    this.#options = options;
    this.#leg = new AccessLeg(options, this);
  }

  /** Completes the core termination; a context is not handed out before. */
  attach(core: CorePair): void {
    // The plane was closed while the ports were opened.
    if (this.#closed) return core.close();
    this.#core = core;
    this.#peer = new CorePeer(core.address);
  }

  get access(): AccessTermination {
    return this.#leg.local;
  }

  get core(): CoreTermination {
    const { address = "", port = 0 } = this.#core ?? {};
    return { address, port, rtcpPort: port + 1 };
  }

  setAccessRemote(remote: AccessRemote): void {
    this.#mustBeOpen();
    this.#leg.setRemote(remote);
  }

  setCoreRemote(remote: CoreRemote): void {
    this.#mustBeOpen();
    this.#peer?.set(remote);
  }

  relay(plan: RelayPlan): void {
    this.#mustBeOpen();
    this.#rules = relayRules(plan);
    this.#toCoreOpen = plan.toCore;
    this.#toAccessOpen = plan.toAccess;
  }

  stats(): MediaStats {
    const { profile, connected } = this.#leg;
    return {
      access: this.#accessSide.stats(),
      core: this.#coreSide.stats(),
      dropped: { ...this.#dropped },
      ...(profile === undefined ? {} : { srtpProfile: profile }),
      connected,
    };
  }

  on(listener: (event: MediaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leg.close();
    this.#core?.close();
    this.#listeners.clear();
    this.#options.onClosed(this);
  }

  /** Called about once a second. */
  tick(now: number): void {
    this.#leg.tick(now);
    if (now >= this.#nextReportAt) this.#report(now);
    // A context that its owner has forgotten must not keep ports for ever (AGW-20).
    if (now - Math.max(this.#openedAt, this.#leg.heardAt) >= this.#options.staleMs) this.close();
  }

  onEvent(event: MediaEvent): void {
    // A first report soon, so that both ends know their round trip early (RFC 3550 §6.2).
    if (event.type === "connected") this.#nextReportAt = performance.now() + 1000;
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // A listener's fault must stop neither media nor the other listeners.
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    }
  }

  onDrop(reason: DropReason): void {
    this.#dropped[reason] += 1;
  }

  onAccessRtp(plain: Buffer, now: number): void {
    const packet = readRtp(plain);
    if (!packet) return this.onDrop("malformed");
    const rule = this.#rules?.toCore.get(packet.payloadType);
    if (rule) count(this.#accessSide, packet, rule.clockRateIn, now);
    const to = this.#peer?.rtp;
    if (!this.#toCoreOpen || !this.#leg.connected || !to) {
      // What is held and let go again is joined on: the receiver shall not take a hold for a loss.
      this.#coreSide.sending.interrupt();
      return this.onDrop("gate");
    }
    if (!rule) return this.onDrop("payload");
    return this.#core?.sendRtp(this.#coreSide.sending.translate(packet, rule, now), to.port, to.address);
  }

  onAccessRtcp(compound: Buffer, now: number): void {
    if (!this.#accessSide.takeRtcp(compound, now)) this.onDrop("malformed");
  }

  onCoreRtp(datagram: Buffer, { address, port }: RemoteInfo): void {
    const packet = datagram.length > maxCorePacket ? undefined : readRtp(datagram);
    if (!packet) return this.onDrop("malformed");
    const rule = this.#rules?.toAccess.get(packet.payloadType);
    if (!this.#peer?.acceptsRtp(address, port, () => rule !== undefined)) return this.onDrop("source");
    const now = performance.now();
    if (!this.#coreRate.allows(datagram.length, now)) return this.onDrop("rate");
    if (rule) count(this.#coreSide, packet, rule.clockRateIn, now);
    if (!this.#toAccessOpen || !this.#leg.connected) {
      this.#accessSide.sending.interrupt();
      return this.onDrop("gate");
    }
    if (!rule) return this.onDrop("payload");
    const refusal = this.#leg.sendRtp(this.#accessSide.sending.translate(packet, rule, now), sentHeaderLength);
    return refusal && this.onDrop(refusal);
  }

  onCoreRtcp(datagram: Buffer, { address, port }: RemoteInfo): void {
    const now = performance.now();
    if (!this.#peer?.acceptsRtcp(address, port)) return this.onDrop("source");
    if (!this.#coreRate.allows(datagram.length, now)) return this.onDrop("rate");
    return this.#coreSide.takeRtcp(datagram, now) ? undefined : this.onDrop("malformed");
  }

  #report(now: number): void {
    this.#nextReportAt = now + 1000 * reportSeconds * (0.5 + Math.random());
    if (!this.#leg.connected) return;
    this.#leg.sendRtcp(this.#accessSide.report(now));
    const to = this.#peer?.rtcp;
    if (to && this.#rules) this.#core?.sendRtcp(this.#coreSide.report(now), to.port, to.address);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new AgwError("agw/closed");
  }
}

function count({ receiving }: RtpTermination, packet: RtpPacket, clockRate: number, now: number): void {
  receiving.add(packet.ssrc, packet.sequence, packet.timestamp, packet.payload.length, clockRate, now);
}
