/** RFC 3550 §12.1 */
const senderReport = 200;
const receiverReport = 201;
const sourceDescription = 202;

/** RFC 3550 §6.4.1 */
export interface ReportBlock {
  /** Of the stream that is reported on */
  readonly ssrc: number;
  /** 0 to 1, since the last report */
  readonly fractionLost: number;
  /** Since the beginning; below 0 with duplicates */
  readonly lost: number;
  /** Extended highest sequence number */
  readonly highest: number;
  /** In units of the RTP clock */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time in the last sender report; 0 before one */
  readonly lastReport: number;
  /** Since that report, in 1/65536 s */
  readonly delay: number;
}

export interface SenderInfo {
  /** Milliseconds since 1970 */
  readonly time: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly octets: number;
}

/** What a compound packet says that matters here; feedback and the rest is absorbed. */
export interface RtcpNews {
  /** The peer's last sender report: middle 32 bits of its NTP time. */
  readonly senderReport?: number;
  readonly blocks: readonly ReportBlock[];
}

/** A compound packet: SR, or RR for one who has sent nothing, and SDES with CNAME (RFC 3550 §6.1). */
export function writeReport(ssrc: number, cname: string, sender?: SenderInfo, block?: ReportBlock): Buffer {
  const infoLength = sender ? 20 : 0;
  const report = Buffer.alloc(8 + infoLength + (block ? 24 : 0));
  writeHeader(report, sender ? senderReport : receiverReport, block ? 1 : 0);
  report.writeUInt32BE(ssrc, 4);
  if (sender) {
    const { seconds, fraction } = ntpTime(sender.time);
    report.writeUInt32BE(seconds, 8);
    report.writeUInt32BE(fraction, 12);
    report.writeUInt32BE(sender.timestamp, 16);
    report.writeUInt32BE(sender.packets >>> 0, 20);
    report.writeUInt32BE(sender.octets >>> 0, 24);
  }
  if (block) writeBlock(report, 8 + infoLength, block);
  const name = Buffer.from(cname);
  // One chunk: SSRC, CNAME item, at least one octet of 0 up to the next 32-bit boundary (RFC 3550 §6.5).
  const description = Buffer.alloc(8 + 4 * Math.ceil((2 + name.length + 1) / 4));
  writeHeader(description, sourceDescription, 1);
  description.writeUInt32BE(ssrc, 4);
  description[8] = 1;
  description[9] = name.length;
  name.copy(description, 10);
  return Buffer.concat([report, description]);
}

/** Reads a compound packet; undefined if malformed. */
export function readRtcp(compound: Buffer): RtcpNews | undefined {
  const blocks: ReportBlock[] = [];
  let report: number | undefined;
  for (let at = 0; at < compound.length;) {
    if (at + 8 > compound.length || (compound[at] ?? 0) >> 6 !== 2) return undefined;
    const end = at + 4 * (compound.readUInt16BE(at + 2) + 1);
    if (end > compound.length) return undefined;
    const type = compound[at + 1] ?? 0;
    const count = (compound[at] ?? 0) & 0x1f;
    if (type === senderReport && at + 28 <= end) {
      report = compound.readUInt32BE(at + 10);
      readBlocks(compound.subarray(at + 28, end), count, blocks);
    } else if (type === receiverReport) {
      readBlocks(compound.subarray(at + 8, end), count, blocks);
    }
    at = end;
  }
  return report === undefined ? { blocks } : { senderReport: report, blocks };
}

/** The middle 32 bits of NTP time, in which delays between reports are reckoned. @param time milliseconds since 1970 */
export function ntpMiddle(time: number): number {
  const { seconds, fraction } = ntpTime(time);
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}

function ntpTime(time: number): { seconds: number; fraction: number } {
  // RFC 3550 §4: seconds since 1900.
  const seconds = Math.floor(time / 1000) + 2_208_988_800;
  return { seconds: seconds >>> 0, fraction: Math.floor(((time % 1000) / 1000) * 2 ** 32) >>> 0 };
}

function writeHeader(packet: Buffer, type: number, count: number): void {
  packet[0] = 0x80 | count;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}

function writeBlock(packet: Buffer, at: number, block: ReportBlock): void {
  packet.writeUInt32BE(block.ssrc, at);
  packet[at + 4] = Math.min(255, Math.floor(block.fractionLost * 256));
  packet.writeIntBE(Math.max(-0x80_0000, Math.min(0x7f_ffff, block.lost)), at + 5, 3);
  packet.writeUInt32BE(block.highest, at + 8);
  packet.writeUInt32BE(block.jitter, at + 12);
  packet.writeUInt32BE(block.lastReport, at + 16);
  packet.writeUInt32BE(block.delay, at + 20);
}

function readBlocks(octets: Buffer, count: number, blocks: ReportBlock[]): void {
  for (let at = 0, left = count; left > 0 && at + 24 <= octets.length; at += 24, left--) {
    blocks.push({
      ssrc: octets.readUInt32BE(at),
      fractionLost: (octets[at + 4] ?? 0) / 256,
      lost: octets.readIntBE(at + 5, 3),
      highest: octets.readUInt32BE(at + 8),
      jitter: octets.readUInt32BE(at + 12),
      lastReport: octets.readUInt32BE(at + 16),
      delay: octets.readUInt32BE(at + 20),
    });
  }
}
