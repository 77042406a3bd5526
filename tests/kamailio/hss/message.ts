/** One Diameter message (RFC 6733 §3). */
export interface DiameterMessage {
  readonly request: boolean;
  readonly command: number;
  readonly application: number;
  readonly hopByHop: number;
  readonly endToEnd: number;
  /** AVPs, written one after the other. */
  readonly avps: Buffer;
}

const headerLength = 20;
const requestFlag = 0x80;
const proxiableFlag = 0x40;
const longest = 65_536;

/** The octets of a message; the P bit is set for application messages (RFC 6733 §3). */
export function formatMessage(message: DiameterMessage): Buffer {
  const { request, command, application, hopByHop, endToEnd, avps } = message;
  const header = Buffer.alloc(headerLength);
  header.writeUInt8(1, 0);
  header.writeUIntBE(headerLength + avps.length, 1, 3);
  header.writeUInt8((request ? requestFlag : 0) | (application === 0 ? 0 : proxiableFlag), 4);
  header.writeUIntBE(command, 5, 3);
  header.writeUInt32BE(application, 8);
  header.writeUInt32BE(hopByHop, 12);
  header.writeUInt32BE(endToEnd, 16);
  return Buffer.concat([header, avps]);
}

function parseMessage(octets: Buffer): DiameterMessage {
  return {
    request: (octets.readUInt8(4) & requestFlag) !== 0,
    command: octets.readUIntBE(5, 3),
    application: octets.readUInt32BE(8),
    hopByHop: octets.readUInt32BE(12),
    endToEnd: octets.readUInt32BE(16),
    avps: octets.subarray(headerLength),
  };
}

/** Cuts the stream of one connection into messages. */
export class DiameterFramer {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws RangeError when the stream is no Diameter. */
  push(chunk: Buffer): DiameterMessage[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: DiameterMessage[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUIntBE(1, 3);
      if (this.#rest.readUInt8(0) !== 1 || length < headerLength || length > longest) {
        throw new RangeError("the stream is no Diameter");
      }
      if (this.#rest.length < length) break;
      messages.push(parseMessage(this.#rest.subarray(0, length)));
      this.#rest = this.#rest.subarray(length);
    }
    return messages;
  }
}
