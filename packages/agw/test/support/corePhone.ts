import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { readRtp, writeRtp, type RtpPacket } from "../../src/embedded/rtp.ts";
import type { G711 } from "./g711.ts";
import { tone, toneShare } from "./tone.ts";

/** An RTP peer on the core side: plays a tone, keeps what it receives. */
export class CorePhone {
  readonly received: RtpPacket[] = [];
  readonly rtcp: Buffer[] = [];
  readonly rtp: Socket;
  readonly control: Socket;
  readonly port: number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(rtp: Socket, control: Socket) {
    this.rtp = rtp;
    this.control = control;
    this.port = rtp.address().port;
    rtp.on("message", (datagram) => {
      const packet = readRtp(datagram);
      if (packet) this.received.push(packet);
    });
    control.on("message", (datagram) => this.rtcp.push(datagram));
  }

  static async open(address = "127.0.0.1"): Promise<CorePhone> {
    const family = isIPv6(address) ? "udp6" : "udp4";
    const [rtp, control] = [createSocket(family), createSocket(family)];
    for (const socket of [rtp, control]) {
      socket.bind(0, address);
      await once(socket, "listening");
    }
    return new CorePhone(rtp, control);
  }

  get rtcpPort(): number {
    return this.control.address().port;
  }

  send(packet: RtpPacket | Buffer, to: { address: string; port: number }): void {
    this.rtp.send(Buffer.isBuffer(packet) ? packet : writeRtp(packet), to.port, to.address);
  }

  /** Sends a tone in packets of 20 ms until closed. */
  play(codec: G711, hertz: number, to: { address: string; port: number }): void {
    const start = performance.now();
    let frame = 0;
    this.#timer = setInterval(() => {
      for (; frame * 20 <= performance.now() - start; frame++) {
        const payload = Buffer.from(tone(hertz, 8000, 160, frame * 160).map((sample) => codec.encode(sample)));
        const { payloadType } = codec;
        const [sequence, timestamp] = [(60_000 + frame) & 0xffff, frame * 160];
        this.send({ marker: frame === 0, payloadType, sequence, timestamp, ssrc: 0x1234, payload }, to);
      }
    }, 10);
  }

  /** Share of a tone in the last `packets` packets of a codec; 0 while there are fewer. */
  hears(codec: G711, hertz: number, packets = 25): number {
    const last = this.received.filter(({ payloadType }) => payloadType === codec.payloadType).slice(-packets);
    if (last.length < packets) return 0;
    const samples = Buffer.concat(last.map(({ payload }) => payload));
    return toneShare(
      Int16Array.from(samples, (octet) => codec.decode(octet)),
      hertz,
      8000,
    );
  }

  close(): void {
    clearInterval(this.#timer);
    this.rtp.close();
    this.control.close();
  }
}
