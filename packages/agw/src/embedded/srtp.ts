import type { SrtpProfileName } from "../mediaPlane.ts";
import type { SrtpMasterKey } from "./dtls/endpoint.ts";
import { rtpHeaderLength } from "./rtp.ts";
import { AesCmHmacSha1 } from "./srtp/aesCm.ts";
import { AesGcm } from "./srtp/aesGcm.ts";
import { sessionKeys } from "./srtp/keyDerivation.ts";
import { ReplayWindow, packetIndex } from "./srtp/replayWindow.ts";
import type { SrtpTransform } from "./srtp/transform.ts";

/** A browser sends one audio stream and may change its SSRC now and then; more at a time is no browser. */
const maxSources = 8;

/** Longest SRTP or SRTCP packet taken. */
const maxPacket = 1600;

export type Refusal = "authentication" | "replay" | "malformed";

function transformOf(profile: SrtpProfileName, master: SrtpMasterKey): SrtpTransform {
  const { rtp, rtcp } = sessionKeys(master);
  return profile === "SRTP_AEAD_AES_128_GCM" ? new AesGcm(rtp, rtcp) : new AesCmHmacSha1(rtp, rtcp);
}

/** Turns SRTP of the peer into RTP (RFC 3711 §3.3). State of a source begins with its first authentic packet. */
export class SrtpReceiver {
  readonly #transform: SrtpTransform;
  readonly #rtp = new Map<number, ReplayWindow>();
  readonly #rtcp = new Map<number, ReplayWindow>();

  constructor(profile: SrtpProfileName, master: SrtpMasterKey) {
    this.#transform = transformOf(profile, master);
  }

  /** The RTP packet, or why it is refused. */
  rtp(packet: Buffer): Buffer | Refusal {
    const headerLength = rtpHeaderLength(packet);
    if (headerLength === undefined || packet.length > maxPacket) return "malformed";
    const ssrc = packet.readUInt32BE(8);
    const window = this.#rtp.get(ssrc);
    const index = packetIndex(packet.readUInt16BE(2), window?.highest ?? -1);
    if (window && !window.isNew(index)) return "replay";
    const plain = this.#transform.unprotect(packet, headerLength, index);
    if (!plain) return "authentication";
    (window ?? openSource(this.#rtp, ssrc)).add(index);
    return plain;
  }

  /** The compound RTCP packet, or why it is refused. */
  rtcp(packet: Buffer): Buffer | Refusal {
    if (packet.length < 8 || packet.length > maxPacket) return "malformed";
    const opened = this.#transform.unprotectRtcp(packet);
    if (!opened) return "authentication";
    const ssrc = packet.readUInt32BE(4);
    const window = this.#rtcp.get(ssrc) ?? openSource(this.#rtcp, ssrc);
    if (!window.isNew(opened.index)) return "replay";
    window.add(opened.index);
    return opened.packet;
  }
}

/** Turns our RTP into SRTP. No index is ever used twice: that would give away the keystream (RFC 3711 §9.1). */
export class SrtpSender {
  readonly #transform: SrtpTransform;
  readonly #sent: ReplayWindow = new ReplayWindow();
  #rtcpIndex = 0;

  constructor(profile: SrtpProfileName, master: SrtpMasterKey) {
    this.#transform = transformOf(profile, master);
  }

  /** @param packet of our one SSRC; @returns undefined when its sequence number has been sent, or is too old to tell */
  rtp(packet: Buffer, headerLength: number): Buffer | undefined {
    const index = packetIndex(packet.readUInt16BE(2), this.#sent.highest);
    if (!this.#sent.isNew(index)) return undefined;
    this.#sent.add(index);
    return this.#transform.protect(packet, headerLength, index);
  }

  rtcp(packet: Buffer): Buffer {
    // RFC 3711 §3.2.3: 31 bits, from 1 for the first packet.
    this.#rtcpIndex = (this.#rtcpIndex + 1) % 0x8000_0000;
    return this.#transform.protectRtcp(packet, this.#rtcpIndex);
  }
}

/** The oldest source gives way: what it sends again begins anew, as a sender's rollover counter cannot be known. */
function openSource(sources: Map<number, ReplayWindow>, ssrc: number): ReplayWindow {
  const oldest = sources.keys().next();
  if (sources.size >= maxSources && !oldest.done) sources.delete(oldest.value);
  const window = new ReplayWindow();
  sources.set(ssrc, window);
  return window;
}
