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
  SrtpProfileName,
} from "../mediaPlane.ts";
import type { AccessPorts, CheckOrigin, Path, PathOwner } from "./accessPorts.ts";
import { CorePeer } from "./corePeer.ts";
import type { CoreHandlers, CorePair } from "./corePorts.ts";
import { isCheckable, type LocalCertificate } from "./dtls/certificate.ts";
import { IceLite } from "./iceLite.ts";
import { relayRules, type RelayRules } from "./relayRules.ts";
import { readRtp, type RtpPacket } from "./rtp.ts";
import { sentHeaderLength } from "./rtpStream.ts";
import { SecuredAccess } from "./securedAccess.ts";
import type { StunMessage } from "./stun.ts";
import { RtpTermination } from "./termination.ts";

export interface ContextOptions {
  readonly accessPorts: AccessPorts;
  readonly certificate: LocalCertificate;
  readonly profiles: readonly SrtpProfileName[];
  readonly handshakeMs: number;
  readonly inactivityMs: number;
  readonly onClosed: (context: EmbeddedContext) => void;
}

/** Longest RTP packet taken from the core; what is longer would not fit an Ethernet frame as SRTP. */
const maxCorePacket = 1460;

/** While the browser was heard so recently, its address cannot be claimed for another context. */
const aliveMs = 5000;

/** Seconds between our reports, give or take a half (RFC 3550 §6.2: not in step with others). */
const reportSeconds = 5;

type Drops = Record<DropReason, number>;

const handshakeRecord = 22;
const clientHello = 1;

/**
 * One call's media in this process.
 *
 *     browser --SRTP--> authenticate, replay --> gate --> new header --RTP--> core
 *     browser <--SRTP-- protect <-- new header <-- gate <-- source <--RTP-- core
 */
export class EmbeddedContext implements MediaContext, PathOwner, CoreHandlers {
  readonly id: string = randomUUID();
  readonly #options: ContextOptions;
  readonly #ice: IceLite = new IceLite(this);
  readonly #access: RtpTermination = new RtpTermination();
  readonly #coreSide: RtpTermination = new RtpTermination();
  readonly #listeners = new Set<(event: MediaEvent) => void>();
  readonly #drops: Drops = { gate: 0, source: 0, authentication: 0, replay: 0, payload: 0, malformed: 0 };
  #ufrags: string[] = [];
  #core: CorePair | undefined;
  #peer: CorePeer | undefined;
  #secured: SecuredAccess;
  #remote: AccessRemote | undefined;
  #rules: { readonly toCore: RelayRules; readonly toAccess: RelayRules } | undefined;
  #toCoreOpen = false;
  #toAccessOpen = false;
  #announced = false;
  #failed = false;
  #closed = false;
  #heardAt = 0;
  #silent = false;
  /** Since when a nomination is awaited, and since when a handshake after it. */
  #iceSince: number | undefined;
  #dtlsSince: number | undefined;
  #dtlsPath: Path | undefined;
  #nextReportAt = 0;

  constructor(options: ContextOptions) {
    this.#options = options;
    this.#secured = this.#createSecured();
    this.#registerUfrags();
  }

  /** Completes the core termination; a context is not handed out before. */
  attach(core: CorePair): void {
    this.#core = core;
    this.#peer = new CorePeer(core.address);
  }

  get access(): AccessTermination {
    const { candidates } = this.#options.accessPorts;
    const [first] = candidates;
    return {
      ...this.#ice.local,
      fingerprint: this.#options.certificate.fingerprint,
      candidates: structuredClone(candidates),
      address: first?.address ?? "",
      port: first?.port ?? 0,
    };
  }

  get core(): CoreTermination {
    const { address = "", port = 0 } = this.#core ?? {};
    return { address, port, rtcpPort: port + 1 };
  }

  setAccessRemote(remote: AccessRemote): void {
    this.#mustBeOpen();
    const { ufrag, pwd, fingerprints, setup } = remote;
    if (!isIceText(ufrag, 4) || !isIceText(pwd, 22)) throw new AgwError("agw/ice");
    if (!fingerprints.some(({ algorithm }) => isCheckable(algorithm))) throw new AgwError("agw/fingerprint");
    const before = this.#remote;
    this.#remote = remote;
    const now = performance.now();
    const role = setup === "active" ? "server" : "client";
    const newAssociation = before
      ? before.setup !== setup || !sameFingerprints(before.fingerprints, fingerprints)
      : this.#secured.started && this.#secured.role !== role;
    if (!before) {
      this.#ice.setRemote(ufrag);
      this.#iceSince = now;
    } else if (before.ufrag !== ufrag) {
      this.#ice.restart(ufrag, !newAssociation);
      this.#registerUfrags();
      this.#iceSince = now;
    }
    if (newAssociation) this.#renewAssociation();
    this.#secured.expect(fingerprints);
    this.#afterIce(now);
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
    // What is held and let go again is joined on (RFC 3550 §5.1: the receiver shall not take a hold for a loss).
    if (!plan.toCore) this.#coreSide.sending.interrupt();
    if (!plan.toAccess) this.#access.sending.interrupt();
  }

  stats(): MediaStats {
    const profile = this.#secured.srtp?.profile;
    return {
      access: this.#access.stats(),
      core: this.#coreSide.stats(),
      dropped: { ...this.#drops },
      ...(profile === undefined ? {} : { srtpProfile: profile }),
      connected: this.#announced,
    };
  }

  on(listener: (event: MediaEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#secured.close();
    this.#ice.close();
    for (const ufrag of this.#ufrags) this.#options.accessPorts.unregister(ufrag);
    this.#core?.close();
    this.#listeners.clear();
    this.#options.onClosed(this);
  }

  /** Called about once a second. */
  tick(now: number): void {
    const { inactivityMs, handshakeMs } = this.#options;
    if (this.#failed) return;
    if (this.#announced) {
      const silence = now - this.#heardAt;
      if (silence >= inactivityMs && !this.#silent) {
        this.#silent = true;
        this.#emit({ type: "inactive", seconds: Math.floor(silence / 1000) });
      }
      if (now >= this.#nextReportAt) this.#report(now);
    } else if (this.#dtlsSince !== undefined) {
      // RFC 8842 §5.1: the peer has to begin; ours is the time of the whole handshake.
      if (now - this.#dtlsSince >= handshakeMs) this.#fail("dtls");
    } else if (this.#iceSince !== undefined && now - this.#iceSince >= inactivityMs) {
      this.#fail("ice");
    }
  }

  get alive(): boolean {
    return this.#heardAt > 0 && performance.now() - this.#heardAt < aliveMs;
  }

  onStun(message: StunMessage, origin: CheckOrigin): void {
    const now = performance.now();
    const outcome = this.#ice.answer(message, origin, now);
    if (outcome === undefined) return;
    this.#heard(now);
    if (this.#ufrags.length !== this.#ice.ufrags.length) this.#registerUfrags();
    if (outcome === "nominated") this.#afterIce(now);
  }

  onPathLost(path: Path): void {
    this.#ice.forget(path);
    if (this.#dtlsPath === path) this.#dtlsPath = undefined;
  }

  onDtls(datagram: Buffer, path: Path): void {
    if (this.#failed) return;
    if (!this.#secured.started) {
      // Before the answer is here a hello decides who is who; as client we wait for the nomination.
      const isHello = datagram[0] === handshakeRecord && datagram[13] === clientHello;
      if (this.#remote?.setup === "passive" || !isHello) return;
      this.#dtlsPath = path;
      this.#secured.start("server");
    }
    this.#dtlsPath = path;
    this.#secured.receive(datagram);
  }

  onRtp(datagram: Buffer): void {
    const { srtp } = this.#secured;
    if (!srtp) return this.#drop("gate");
    const plain = srtp.receiver.rtp(datagram);
    if (typeof plain === "string") return this.#drop(plain);
    const now = performance.now();
    this.#heard(now);
    const packet = readRtp(plain);
    if (!packet) return this.#drop("malformed");
    const rule = this.#rules?.toCore.get(packet.payloadType);
    const to = this.#peer?.rtp;
    if (!this.#toCoreOpen || !this.#announced || !to) {
      this.#coreSide.sending.interrupt();
      return this.#drop("gate");
    }
    if (!rule) return this.#drop("payload");
    count(this.#access, packet, rule.clockRateIn, now);
    this.#core?.sendRtp(this.#coreSide.sending.translate(packet, rule, now), to.port, to.address);
  }

  onRtcp(datagram: Buffer): void {
    const { srtp } = this.#secured;
    if (!srtp) return this.#drop("gate");
    const plain = srtp.receiver.rtcp(datagram);
    if (typeof plain === "string") return this.#drop(plain);
    const now = performance.now();
    this.#heard(now);
    if (!this.#access.takeRtcp(plain, now)) this.#drop("malformed");
  }

  onCoreRtp(datagram: Buffer, { address, port }: RemoteInfo): void {
    const packet = datagram.length > maxCorePacket ? undefined : readRtp(datagram);
    if (!packet) return this.#drop("malformed");
    const rule = this.#rules?.toAccess.get(packet.payloadType);
    if (!this.#peer?.acceptsRtp(address, port, () => rule !== undefined)) return this.#drop("source");
    const { srtp } = this.#secured;
    const to = this.#ice.nominated;
    if (!this.#toAccessOpen || !srtp || !to) {
      this.#access.sending.interrupt();
      return this.#drop("gate");
    }
    if (!rule) return this.#drop("payload");
    const now = performance.now();
    count(this.#coreSide, packet, rule.clockRateIn, now);
    const sealed = srtp.sender.rtp(this.#access.sending.translate(packet, rule, now), sentHeaderLength);
    if (sealed) to.send(sealed);
    else this.#drop("replay");
  }

  onCoreRtcp(datagram: Buffer, { address, port }: RemoteInfo): void {
    if (!this.#peer?.acceptsRtcp(address, port)) return this.#drop("source");
    if (!this.#coreSide.takeRtcp(datagram, performance.now())) this.#drop("malformed");
  }

  #createSecured(): SecuredAccess {
    const { certificate, profiles, handshakeMs } = this.#options;
    return new SecuredAccess({
      certificate,
      profiles,
      handshakeMs,
      send: (datagram) => (this.#ice.nominated ?? this.#dtlsPath)?.send(datagram),
      onVerified: () => this.#announce(),
      onFailed: (reason) => this.#fail(reason),
    });
  }

  #renewAssociation(): void {
    this.#secured.close();
    this.#secured = this.#createSecured();
    this.#announced = false;
    this.#failed = false;
    this.#dtlsSince = undefined;
    this.#dtlsPath = undefined;
  }

  /** ICE or the description has moved on: begin what waited for it. */
  #afterIce(now: number): void {
    if (this.#failed || !this.#ice.nominated || !this.#remote) return;
    this.#iceSince = undefined;
    if (!this.#announced) this.#dtlsSince ??= now;
    if (this.#remote.setup === "passive" && !this.#secured.started) this.#secured.start("client");
    this.#announce();
  }

  #announce(): void {
    if (this.#announced || !this.#secured.srtp || !this.#ice.nominated) return;
    this.#announced = true;
    this.#dtlsSince = undefined;
    const now = performance.now();
    this.#heard(now);
    // A first report soon, so that both ends know their round trip early (RFC 3550 §6.2: half the minimum at the start).
    this.#nextReportAt = now + 1000;
    this.#emit({ type: "connected" });
  }

  #fail(reason: "fingerprint" | "dtls" | "ice"): void {
    if (this.#failed || this.#closed) return;
    this.#failed = true;
    this.#announced = false;
    this.#secured.close();
    this.#emit({ type: "failed", reason });
  }

  #report(now: number): void {
    this.#nextReportAt = now + 1000 * reportSeconds * (0.5 + Math.random());
    const { srtp } = this.#secured;
    if (srtp) this.#ice.nominated?.send(srtp.sender.rtcp(this.#access.report(now)));
    const to = this.#peer?.rtcp;
    if (to && this.#rules) this.#core?.sendRtcp(this.#coreSide.report(now), to.port, to.address);
  }

  #heard(now: number): void {
    this.#heardAt = now;
    this.#silent = false;
  }

  #registerUfrags(): void {
    const { accessPorts } = this.#options;
    for (const ufrag of this.#ufrags) accessPorts.unregister(ufrag);
    this.#ufrags = this.#ice.ufrags;
    for (const ufrag of this.#ufrags) accessPorts.register(ufrag, this);
  }

  #drop(reason: DropReason): void {
    this.#drops[reason] += 1;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new AgwError("agw/closed");
  }

  #emit(event: MediaEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // A listener's fault must stop neither media nor the other listeners.
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    }
  }
}

function count({ receiving }: RtpTermination, packet: RtpPacket, clockRate: number, now: number): void {
  receiving.add(packet.ssrc, packet.sequence, packet.timestamp, packet.payload.length, clockRate, now);
}

/** ice-char of RFC 8839 §5.4 */
function isIceText(text: string, min: number): boolean {
  return text.length >= min && text.length <= 256 && /^[A-Za-z0-9+/]+$/.test(text);
}

function sameFingerprints(a: AccessRemote["fingerprints"], b: AccessRemote["fingerprints"]): boolean {
  return fingerprintText(a) === fingerprintText(b);
}

function fingerprintText(list: AccessRemote["fingerprints"]): string {
  return list
    .map(({ algorithm, value }) => `${algorithm} ${value}`.toLowerCase())
    .toSorted()
    .join();
}
