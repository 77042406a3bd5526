import { SocketAddress, isIP } from "node:net";
import { AgwError } from "../errors.ts";
import type { CoreRemote } from "../mediaPlane.ts";

interface Destination {
  readonly address: string;
  readonly port: number;
}

/**
 * The far end of the core termination: who may send, and where to send. With latching the first source of a negotiated
 * payload type takes the place of the SDP's address, once (3GPP TS 23.334 §5.2: remote NAT traversal).
 */
export class CorePeer {
  readonly #family: number;
  #remote: (Required<CoreRemote> & { readonly held: boolean }) | undefined;
  #latched: Destination | undefined;
  #latchedRtcp: Destination | undefined;

  /** @param localAddress of the core termination: the peer's must be of its family */
  constructor(localAddress: string) {
    this.#family = isIP(localAddress);
  }

  /** @throws AgwError `agw/address` */
  set({ address, port, rtcpPort = port + 1, latch = false }: CoreRemote): void {
    if (isIP(address) !== this.#family || !isPort(port)) throw new AgwError("agw/address");
    const canonical = new SocketAddress({ address, family: this.#family === 6 ? "ipv6" : "ipv4" }).address;
    // RFC 3264 §8.4: an unspecified address holds the stream.
    const held = canonical === "0.0.0.0" || canonical === "::";
    const remote = { address: canonical, port, rtcpPort: isPort(rtcpPort) ? rtcpPort : port, latch, held };
    const before = this.#remote;
    const isSame = before && before.address === canonical && before.port === port && before.latch === latch;
    if (!isSame) [this.#latched, this.#latchedRtcp] = [undefined, undefined];
    this.#remote = remote;
  }

  /** Where RTP goes; undefined while the peer is unknown or holds. */
  get rtp(): Destination | undefined {
    return this.#remote?.held ? undefined : (this.#latched ?? this.#remote);
  }

  get rtcp(): Destination | undefined {
    const remote = this.#remote;
    if (!remote || remote.held) return undefined;
    if (this.#latchedRtcp) return this.#latchedRtcp;
    return this.#latched
      ? { address: this.#latched.address, port: Math.min(this.#latched.port + 1, 65_535) }
      : { address: remote.address, port: remote.rtcpPort };
  }

  /** Whether RTP from there is the peer's. @param isNegotiated of its payload type: what may be latched on to */
  acceptsRtp(address: string, port: number, isNegotiated: () => boolean): boolean {
    const remote = this.#remote;
    if (!remote || remote.held) return false;
    if (remote.latch && !this.#latched) {
      // A forged source port of 0 could not be answered.
      if (port === 0 || !isNegotiated()) return false;
      this.#latched = { address, port };
      return true;
    }
    const peer = this.#latched ?? remote;
    return peer.address === address && peer.port === port;
  }

  acceptsRtcp(address: string, port: number): boolean {
    const { rtcp } = this;
    if (!rtcp || rtcp.address !== address) return false;
    if (rtcp.port === port) return true;
    // Behind a NAT the RTCP port cannot be told from the RTP port: its first packet tells.
    if (!this.#latched || this.#latchedRtcp || port === 0) return false;
    this.#latchedRtcp = { address, port };
    return true;
  }
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 65_536;
}
