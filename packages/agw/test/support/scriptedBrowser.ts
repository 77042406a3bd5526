import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import { classify } from "../../src/embedded/demux.ts";
import { openDtls, type Dtls, type DtlsResult } from "../../src/embedded/dtls.ts";
import { createCertificate, type LocalCertificate } from "../../src/embedded/dtls/certificate.ts";
import { createCredentials } from "../../src/embedded/iceLite.ts";
import { fixedHeaderLength, readRtp, writeRtp, type RtpPacket } from "../../src/embedded/rtp.ts";
import { SrtpReceiver, SrtpSender } from "../../src/embedded/srtp.ts";
import { readStun, stunAttributes, stunTypes, writeStun } from "../../src/embedded/stun.ts";
import type { AccessRemote, MediaContext, SrtpProfileName } from "../../src/index.ts";
import { until } from "./until.ts";

/** A browser's media end, step by step: it checks, nominates, shakes hands and sends only when told. */
export class ScriptedBrowser {
  readonly certificate: LocalCertificate = createCertificate();
  readonly context: MediaContext;
  credentials: { ufrag: string; pwd: string } = createCredentials();
  readonly received: RtpPacket[] = [];
  readonly rtcp: Buffer[] = [];
  /** How many came, of any kind. */
  datagrams = 0;
  readonly answers: Buffer[] = [];
  /** SRTP as it came. */
  readonly sealed: Buffer[] = [];
  result: DtlsResult | undefined;
  ended: string | undefined;
  #sockets: Socket[] = [];
  #dtls: Dtls | undefined;
  #receiver: SrtpReceiver | undefined;
  /** SRTP counts each SSRC by itself; ours is for one. */
  readonly #senders = new Map<number, SrtpSender>();
  #active = 0;
  #sequence = 100;

  private constructor(context: MediaContext) {
    this.context = context;
  }

  static async open(context: MediaContext): Promise<ScriptedBrowser> {
    const browser = new ScriptedBrowser(context);
    await browser.addAddress();
    return browser;
  }

  /** Another local address (a port of its own): the last one added is used for what is sent next. */
  async addAddress(): Promise<Socket> {
    const { address } = this.context.access;
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const index = this.#sockets.push(socket) - 1;
    socket.on("message", (datagram) => this.#receive(datagram, index));
    socket.bind(0, isIPv6(address) ? "::1" : "127.0.0.1");
    await once(socket, "listening");
    this.#active = index;
    return socket;
  }

  /** Which of its addresses packets came to last. */
  readonly receivedAt: number[] = [];

  useAddress(index: number): void {
    this.#active = index;
  }

  describe(setup: "active" | "passive" = "active"): AccessRemote {
    return { ...this.credentials, fingerprints: [this.certificate.fingerprint], setup };
  }

  raw(datagram: Buffer): void {
    this.#sockets[this.#active]?.send(datagram, this.context.access.port, this.context.access.address);
  }

  /** Sends a check. */
  check(options: { nominate?: boolean; pwd?: string; username?: string; priority?: number } = {}): void {
    const { access } = this.context;
    const priority = Buffer.alloc(4);
    priority.writeUInt32BE(options.priority ?? 1_853_824_767);
    const attributes: [number, Buffer][] = [
      [stunAttributes.username, Buffer.from(options.username ?? `${access.ufrag}:${this.credentials.ufrag}`)],
      [stunAttributes.iceControlling, randomBytes(8)],
      [stunAttributes.priority, priority],
    ];
    if (options.nominate) attributes.push([stunAttributes.useCandidate, Buffer.alloc(0)]);
    this.raw(writeStun(stunTypes.bindingRequest, randomBytes(12), attributes, options.pwd ?? access.pwd));
  }

  /** Checks and nominates until answered. */
  async nominate(): Promise<void> {
    const before = this.answers.length;
    this.check({ nominate: true });
    await until("an answer to the check", () => this.answers.length > before);
  }

  shakeHands(
    role: "client" | "server",
    certificate: LocalCertificate = this.certificate,
    profile?: SrtpProfileName,
  ): void {
    this.#dtls?.close();
    this.result = undefined;
    this.ended = undefined;
    this.#dtls = openDtls(role, {
      certificate,
      profiles: profile ? [profile] : ["SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AEAD_AES_128_GCM"],
      timeoutMs: 10_000,
      send: (datagram) => this.raw(datagram),
      onConnected: (result) => {
        this.result = result;
        this.#receiver = new SrtpReceiver(result.profile, result.remote);
        this.#senders.clear();
      },
      onEnded: (_cause, message) => {
        this.ended = message;
      },
    });
  }

  /** From nothing to keys as DTLS client. */
  async connect(certificate?: LocalCertificate, profile?: SrtpProfileName): Promise<void> {
    await this.nominate();
    this.shakeHands("client", certificate, profile);
    await until("DTLS", () => this.result !== undefined);
  }

  /** Sends one RTP packet as SRTP. @returns what went out */
  send(packet: Partial<RtpPacket> & { headerExtension?: Buffer }): Buffer {
    const sequence = packet.sequence ?? this.#sequence++;
    const plain = writeRtp({
      marker: false,
      payloadType: 8,
      timestamp: sequence * 160,
      ssrc: 0xcafe,
      payload: Buffer.from("speech"),
      ...packet,
      sequence,
    });
    const { headerExtension: extension } = packet;
    if (extension) plain[0] = 0x90;
    const header = Buffer.concat([plain.subarray(0, fixedHeaderLength), extension ?? Buffer.alloc(0)]);
    const whole = Buffer.concat([header, plain.subarray(fixedHeaderLength)]);
    const sealed = this.#sender(whole.readUInt32BE(8)).rtp(whole, header.length) ?? Buffer.alloc(0);
    this.raw(sealed);
    return sealed;
  }

  sendRtcp(compound: Buffer): void {
    this.raw(this.#sender(compound.readUInt32BE(4)).rtcp(compound));
  }

  /** Says close_notify. */
  hangUp(): void {
    this.#dtls?.close();
  }

  close(): void {
    this.#dtls?.close();
    for (const socket of this.#sockets.splice(0)) socket.close();
  }

  #sender(ssrc: number): SrtpSender {
    const { result } = this;
    if (!result) throw new Error("No keys yet");
    const sender = this.#senders.get(ssrc) ?? new SrtpSender(result.profile, result.local);
    this.#senders.set(ssrc, sender);
    return sender;
  }

  #receive(datagram: Buffer, index: number): void {
    this.datagrams += 1;
    switch (classify(datagram)) {
      case "stun":
        if (readStun(datagram)) this.answers.push(datagram);
        break;
      case "dtls":
        this.#dtls?.receive(datagram);
        break;
      case "rtp": {
        this.sealed.push(datagram);
        const plain = this.#receiver?.rtp(datagram);
        const packet = Buffer.isBuffer(plain) ? readRtp(plain) : undefined;
        if (packet) {
          this.received.push(packet);
          this.receivedAt.push(index);
        }
        break;
      }
      case "rtcp": {
        const plain = this.#receiver?.rtcp(datagram);
        if (Buffer.isBuffer(plain)) this.rtcp.push(plain);
        break;
      }
      case undefined:
        break;
    }
  }
}
