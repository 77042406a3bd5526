import { AgwError } from "../errors.ts";
import type { AccessRemote, AccessTermination, DropReason, MediaEvent, SrtpProfileName } from "../mediaPlane.ts";
import type { AccessPorts, CheckOrigin, Path, PathOwner } from "./accessPorts.ts";
import { isCheckable, type LocalCertificate } from "./dtls/certificate.ts";
import { IceLite } from "./iceLite.ts";
import { RateLimit } from "./rateLimit.ts";
import { SecuredAccess } from "./securedAccess.ts";
import type { StunMessage } from "./stun.ts";

export interface AccessLegOptions {
  readonly accessPorts: AccessPorts;
  readonly certificate: LocalCertificate;
  readonly profiles: readonly SrtpProfileName[];
  readonly handshakeMs: number;
  readonly inactivityMs: number;
}

export interface AccessLegEvents {
  onEvent(event: MediaEvent): void;
  /** An authentic RTP packet of the verified browser, in clear. */
  onAccessRtp(packet: Buffer, now: number): void;
  onAccessRtcp(compound: Buffer, now: number): void;
  onDrop(reason: DropReason): void;
}

/** While the browser was heard so recently, its address cannot be claimed for another context. */
const aliveMs = 5000;

/** First octets of a DTLS record with a ClientHello. */
const handshakeRecord = 22;
const clientHello = 1;

/**
 * The access termination: ICE, DTLS and SRTP with the browser. Media pass only while it is connected.
 *
 *     waiting --pair nominated, keys agreed, fingerprint verified--> connected --close_notify--> ended
 *        |    ^                                                          |                         |
 *        |    '----------- another fingerprint or role in the SDP -------+-------------------------'
 *        '---> failed (ICE or DTLS in vain, wrong fingerprint) ----------'
 */
export class AccessLeg implements PathOwner {
  readonly #options: AccessLegOptions;
  readonly #events: AccessLegEvents;
  readonly #ice: IceLite = new IceLite(this);
  readonly #rate: RateLimit = new RateLimit();
  #ufrags: string[] = [];
  #secured: SecuredAccess;
  #remote: AccessRemote | undefined;
  #phase: "waiting" | "connected" | "ended" | "failed" = "waiting";
  #heardAt = 0;
  #silenceReported = false;
  /** Since when a nomination is awaited, and since when a handshake after it. */
  #iceSince: number | undefined;
  #dtlsSince: number | undefined;
  #dtlsPath: Path | undefined;
  #closed = false;

  constructor(options: AccessLegOptions, events: AccessLegEvents) {
    this.#options = options;
    this.#events = events;
    this.#secured = this.#createSecured();
    this.#registerUfrags();
  }

  get local(): AccessTermination {
    const { accessPorts, certificate } = this.#options;
    const candidates = structuredClone(accessPorts.candidates);
    const [first] = candidates;
    const { fingerprint } = certificate;
    return { ...this.#ice.local, fingerprint, candidates, address: first?.address ?? "", port: first?.port ?? 0 };
  }

  /** Whether media may pass. */
  get connected(): boolean {
    return this.#phase === "connected";
  }

  get profile(): SrtpProfileName | undefined {
    return this.#secured.srtp?.profile;
  }

  get alive(): boolean {
    return this.#heardAt > 0 && performance.now() - this.#heardAt < aliveMs;
  }

  /** When anything authentic came last, on the clock of performance.now(); 0 before. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** @throws AgwError `agw/ice`, `agw/fingerprint` */
  setRemote(remote: AccessRemote): void {
    const { ufrag, pwd, fingerprints, setup } = remote;
    if (!isIceText(ufrag, 4) || !isIceText(pwd, 22)) throw new AgwError("agw/ice");
    if (!fingerprints.some(({ algorithm }) => isCheckable(algorithm))) throw new AgwError("agw/fingerprint");
    const before = this.#remote;
    this.#remote = remote;
    const now = performance.now();
    const role = setup === "active" ? "server" : "client";
    const isOver = this.#phase === "failed" || this.#phase === "ended";
    // RFC 8842 §5.1: other fingerprints or another role mean a new association; so does a restart after the end of one.
    const isNew = before
      ? before.setup !== setup ||
        !sameFingerprints(before.fingerprints, fingerprints) ||
        (isOver && before.ufrag !== ufrag)
      : this.#secured.role !== undefined && this.#secured.role !== role;
    if (!before) {
      this.#ice.setRemote(ufrag);
      this.#iceSince = now;
    } else if (before.ufrag !== ufrag) {
      this.#ice.restart(ufrag, !isNew);
      this.#registerUfrags();
      this.#iceSince = now;
    }
    if (isNew) this.#renewAssociation();
    this.#secured.expect(fingerprints);
    this.#proceed(now);
  }

  /** @returns why it was not sent, or undefined */
  sendRtp(packet: Buffer, headerLength: number): DropReason | undefined {
    const { srtp } = this.#secured;
    const to = this.#ice.nominated;
    if (!srtp || !to || !this.connected) return "gate";
    const sealed = srtp.sender.rtp(packet, headerLength);
    if (!sealed) return "replay";
    to.send(sealed);
    return undefined;
  }

  sendRtcp(compound: Buffer): void {
    const { srtp } = this.#secured;
    if (srtp && this.connected) this.#ice.nominated?.send(srtp.sender.rtcp(compound));
  }

  /** Called about once a second. */
  tick(now: number): void {
    const { inactivityMs, handshakeMs } = this.#options;
    if (this.#phase === "connected" || this.#phase === "ended") {
      const silence = now - this.#heardAt;
      if (silence < inactivityMs || this.#silenceReported) return;
      this.#silenceReported = true;
      this.#events.onEvent({ type: "inactive", seconds: Math.floor(silence / 1000) });
    } else if (this.#phase === "failed") {
      return;
    } else if (this.#dtlsSince !== undefined) {
      // It is for the peer to begin, or to answer; this is the time of the whole handshake.
      if (now - this.#dtlsSince >= handshakeMs) this.#fail("dtls");
    } else if (this.#iceSince !== undefined && now - this.#iceSince >= inactivityMs) {
      this.#fail("ice");
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#secured.close();
    this.#ice.close();
    for (const ufrag of this.#ufrags) this.#options.accessPorts.unregister(ufrag);
  }

  onStun(message: StunMessage, origin: CheckOrigin): void {
    const now = performance.now();
    const outcome = this.#ice.answer(message, origin, now);
    if (outcome === undefined) return;
    this.#heard(now);
    if (this.#ufrags.length !== this.#ice.ufrags.length) this.#registerUfrags();
    if (outcome === "nominated") this.#proceed(now);
  }

  onPathLost(path: Path): void {
    this.#ice.forget(path);
    if (this.#dtlsPath === path) this.#dtlsPath = undefined;
  }

  onDtls(datagram: Buffer, path: Path): void {
    if (this.#phase === "failed") return;
    if (this.#secured.role === undefined) {
      // RFC 8842 §5.1: a hello may come before the answer and decides who is who. As client we wait for the nomination.
      const isHello = datagram[0] === handshakeRecord && datagram[13] === clientHello;
      if (this.#remote?.setup === "passive" || !isHello) return;
      this.#dtlsPath = path;
      this.#secured.start("server");
    }
    this.#dtlsPath = path;
    this.#secured.receive(datagram);
  }

  onRtp(datagram: Buffer): void {
    const now = performance.now();
    if (!this.#rate.allows(datagram.length, now)) return this.#events.onDrop("rate");
    const { srtp } = this.#secured;
    if (!srtp) return this.#events.onDrop("gate");
    const plain = srtp.receiver.rtp(datagram);
    if (typeof plain === "string") return this.#events.onDrop(plain);
    this.#heard(now);
    return this.#events.onAccessRtp(plain, now);
  }

  onRtcp(datagram: Buffer): void {
    const now = performance.now();
    if (!this.#rate.allows(datagram.length, now)) return this.#events.onDrop("rate");
    const { srtp } = this.#secured;
    if (!srtp) return this.#events.onDrop("gate");
    const plain = srtp.receiver.rtcp(datagram);
    if (typeof plain === "string") return this.#events.onDrop(plain);
    this.#heard(now);
    return this.#events.onAccessRtcp(plain, now);
  }

  #createSecured(): SecuredAccess {
    const { certificate, profiles, handshakeMs } = this.#options;
    return new SecuredAccess({
      certificate,
      profiles,
      handshakeMs,
      send: (datagram) => (this.#ice.nominated ?? this.#dtlsPath)?.send(datagram),
      onVerified: () => this.#connect(),
      onFailed: (reason) => this.#fail(reason),
      onClosed: () => {
        // The page went away, maybe to come back (3GPP TS 23.228 U.2.4 leaves that to signalling): silence will tell.
        if (this.#phase === "connected") this.#phase = "ended";
      },
    });
  }

  #renewAssociation(): void {
    this.#secured.close();
    this.#secured = this.#createSecured();
    this.#phase = "waiting";
    this.#dtlsSince = undefined;
    this.#dtlsPath = undefined;
  }

  /** ICE or the description has moved on: begin what waited for it. */
  #proceed(now: number): void {
    if (this.#phase === "failed" || !this.#ice.nominated || !this.#remote) return;
    this.#iceSince = undefined;
    if (this.#phase === "waiting") this.#dtlsSince ??= now;
    if (this.#remote.setup === "passive" && this.#secured.role === undefined) this.#secured.start("client");
    this.#connect();
  }

  #connect(): void {
    if (this.#phase !== "waiting" || !this.#secured.srtp || !this.#ice.nominated) return;
    this.#phase = "connected";
    this.#dtlsSince = undefined;
    this.#heard(performance.now());
    this.#events.onEvent({ type: "connected" });
  }

  #fail(reason: "fingerprint" | "dtls" | "ice"): void {
    if (this.#phase === "failed" || this.#closed) return;
    this.#phase = "failed";
    this.#secured.close();
    this.#events.onEvent({ type: "failed", reason });
  }

  #heard(now: number): void {
    this.#heardAt = now;
    this.#silenceReported = false;
  }

  #registerUfrags(): void {
    const { accessPorts } = this.#options;
    for (const ufrag of this.#ufrags) accessPorts.unregister(ufrag);
    this.#ufrags = this.#ice.ufrags;
    for (const ufrag of this.#ufrags) accessPorts.register(ufrag, this);
  }
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
