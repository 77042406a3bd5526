import { randomBytes } from "node:crypto";
import type { TerminationStats } from "../mediaPlane.ts";
import { estimateMos } from "./mos.ts";
import { Reception } from "./reception.ts";
import { ntpMiddle, readRtcp, writeReport, type ReportBlock } from "./rtcp.ts";
import { RtpStream } from "./rtpStream.ts";

/** The RTP session between one termination and its peer: the stream we send, what we receive, and the reports on both. */
export class RtpTermination {
  readonly sending: RtpStream = new RtpStream();
  readonly receiving: Reception = new Reception();
  /** RFC 7022 §4.2: says nothing of anybody. */
  readonly #cname: string = randomBytes(12).toString("base64");
  #peerReport = 0;
  #peerReportAt = 0;
  #roundTrip: number | undefined;
  #fractionLostRemote: number | undefined;

  /** A compound RTCP packet of the peer, in clear. @returns false if malformed */
  takeRtcp(compound: Buffer, now: number): boolean {
    const news = readRtcp(compound);
    if (!news) return false;
    if (news.senderReport !== undefined) [this.#peerReport, this.#peerReportAt] = [news.senderReport, now];
    for (const block of news.blocks) {
      if (block.ssrc === this.sending.ssrc) this.#takeBlock(block);
    }
    return true;
  }

  /** Our next report. @param now monotonic milliseconds */
  report(now: number): Buffer {
    const { sending } = this;
    const reception = this.receiving.report();
    const delay = this.#peerReport === 0 ? 0 : Math.round(((now - this.#peerReportAt) / 1000) * 65_536);
    const block = reception && { ...reception, lastReport: this.#peerReport, delay };
    const sender =
      sending.packets === 0
        ? undefined
        : {
            time: Date.now(),
            timestamp: sending.timestampAt(now),
            packets: sending.packets,
            octets: sending.octets,
          };
    return writeReport(sending.ssrc, this.#cname, sender, block);
  }

  stats(): TerminationStats {
    const { receiving, sending } = this;
    return {
      packetsReceived: receiving.packets,
      octetsReceived: receiving.octets,
      packetsLost: receiving.lost,
      jitter: receiving.jitter,
      packetsSent: sending.packets,
      octetsSent: sending.octets,
      ...(receiving.packets === 0
        ? {}
        : { mos: estimateMos(receiving.lossShare, receiving.jitter, this.#roundTrip ?? 0) }),
      ...(this.#roundTrip === undefined ? {} : { roundTrip: this.#roundTrip }),
      ...(this.#fractionLostRemote === undefined ? {} : { fractionLostRemote: this.#fractionLostRemote }),
    };
  }

  #takeBlock({ fractionLost, lastReport, delay }: ReportBlock): void {
    this.#fractionLostRemote = fractionLost;
    if (lastReport === 0) return;
    // RFC 3550 §6.4.1: arrival - LSR - DLSR, modulo 2^32; a peer's false figures give a negative, that is a huge, one.
    const roundTrip = ((ntpMiddle(Date.now()) - lastReport - delay) >>> 0) / 65_536;
    if (roundTrip < 60) this.#roundTrip = roundTrip;
  }
}
