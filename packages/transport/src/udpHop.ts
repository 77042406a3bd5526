import type { RemoteHop, SocketAddress } from "./remote.ts";

/** How a datagram hop reaches the endpoint's sockets. */
export interface UdpHopOwner {
  readonly sentBy: string;
  sendDatagram(octets: string, remote: SocketAddress): boolean;
  /** Sends over TCP to the same peer, absent where the endpoint has none. */
  readonly sendStream: ((octets: string, remote: SocketAddress, failed: () => void) => boolean) | undefined;
}

/** RFC 3261 §18.1.1: a larger request may be fragmented on a path of unknown MTU. */
const largestRequest = 1300;
/** The largest UDP payload over IPv4. */
const largestDatagram = 65_507;

/** A peer reached by datagrams. */
export class UdpHop implements RemoteHop {
  readonly protocol = "UDP";
  readonly reliable = false;
  readonly sentBy: string;
  readonly remote: SocketAddress;
  readonly #owner: UdpHopOwner;

  constructor(owner: UdpHopOwner, remote: SocketAddress) {
    this.#owner = owner;
    this.sentBy = owner.sentBy;
    this.remote = remote;
  }

  /** @returns false when the endpoint is closed or the message fits in no datagram */
  send(octets: string): boolean {
    const { sendStream } = this.#owner;
    if (octets.length > largestRequest && sendStream !== undefined && !octets.startsWith("SIP/2.0 ")) {
      // RFC 3261 §18.1.1: back to UDP when the peer refuses TCP
      return sendStream(viaTcp(octets), this.remote, () => this.#datagram(octets));
    }
    return this.#datagram(octets);
  }

  #datagram(octets: string): boolean {
    return octets.length <= largestDatagram && this.#owner.sendDatagram(octets, this.remote);
  }
}

/** RFC 3261 §18.1.1: the top Via names the transport that is really used. */
function viaTcp(octets: string): string {
  return octets.replace(/^(via|v)([ \t]*:\s*SIP\s*\/\s*2\.0\s*\/\s*)UDP/im, "$1$2TCP");
}
