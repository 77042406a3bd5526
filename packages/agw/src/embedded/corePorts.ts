import type { RemoteInfo, Socket } from "node:dgram";
import { AgwError } from "../errors.ts";
import { isPortTaken, openUdp } from "./udp.ts";

export interface CoreHandlers {
  onCoreRtp(datagram: Buffer, from: RemoteInfo): void;
  onCoreRtcp(datagram: Buffer, from: RemoteInfo): void;
}

/** The RTP and RTCP sockets of one core termination (RFC 3550 §11: even port, and the next). */
export interface CorePair {
  readonly address: string;
  readonly port: number;
  sendRtp(packet: Buffer, port: number, address: string): void;
  sendRtcp(packet: Buffer, port: number, address: string): void;
  /** Idempotent. */
  close(): void;
}

/** The port range of the core side. It is walked round, so that a port rests for long before another call gets it. */
export class CorePorts {
  readonly #address: string;
  readonly #first: number;
  readonly #pairs: number;
  readonly #taken = new Set<number>();
  #next = 0;

  constructor(address: string, [min, max]: readonly [min: number, max: number]) {
    this.#address = address;
    this.#first = min + (min % 2);
    this.#pairs = Math.max(0, Math.floor((max + 1 - this.#first) / 2));
  }

  /** @throws AgwError `agw/ports-exhausted` when every pair is taken, `agw/bind` when the address is wrong */
  async open(handlers: CoreHandlers): Promise<CorePair> {
    for (let tried = 0; tried < this.#pairs; tried++) {
      const port = this.#first + 2 * this.#next;
      this.#next = (this.#next + 1) % this.#pairs;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      try {
        return await this.#open(port, handlers);
      } catch (error) {
        this.#taken.delete(port);
        if (!isPortTaken(error)) throw error;
      }
    }
    throw new AgwError("agw/ports-exhausted", `${this.#pairs} pairs from ${this.#first}`);
  }

  async #open(port: number, handlers: CoreHandlers): Promise<CorePair> {
    const address = this.#address;
    const rtp = await openUdp(address, port);
    let rtcp: Socket;
    try {
      rtcp = await openUdp(address, port + 1);
    } catch (error) {
      rtp.close();
      throw error;
    }
    rtp.on("message", (datagram, from) => handlers.onCoreRtp(datagram, from));
    rtcp.on("message", (datagram, from) => handlers.onCoreRtcp(datagram, from));
    let open = true;
    return {
      address,
      port,
      sendRtp: (packet, toPort, to) => {
        if (open) rtp.send(packet, toPort, to);
      },
      sendRtcp: (packet, toPort, to) => {
        if (open) rtcp.send(packet, toPort, to);
      },
      close: () => {
        if (!open) return;
        open = false;
        rtcp.close();
        rtp.close(() => this.#taken.delete(port));
      },
    };
  }
}
