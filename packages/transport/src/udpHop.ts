import type { Socket } from "node:dgram";
import type { RemoteHop, SocketAddress } from "./remote.ts";
import type { Unsent } from "./turn.ts";

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

/** A message on its way out. */
export class Datagram implements Unsent {
  readonly #socket: Socket;
  readonly #octets: string;
  readonly #to: SocketAddress;

  constructor(socket: Socket, octets: string, to: SocketAddress) {
    this.#socket = socket;
    this.#octets = octets;
    this.#to = to;
  }

  flush(): void {
    // Errors such as "no route" end in the socket's listener: on UDP, SIP's timers answer for loss.
    this.#socket.send(Buffer.from(this.#octets, "latin1"), this.#to.port, this.#to.address);
  }
}

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

  /** @returns false when the endpoint is closed, or no datagram can bring the message there */
  send(octets: string): boolean {
    const { sendStream } = this.#owner;
    if (octets.length > largestRequest && sendStream !== undefined && !octets.startsWith("SIP/2.0 ")) {
      // RFC 3261 §18.1.1: back to UDP when the peer refuses TCP
      return sendStream(viaTcp(octets), this.remote, () => this.#datagram(octets));
    }
    return this.#datagram(octets);
  }

  #datagram(octets: string): boolean {
    // Nobody is at port 0, which a datagram may say it comes from.
    const possible = octets.length <= largestDatagram && this.remote.port > 0;
    return possible && this.#owner.sendDatagram(octets, this.remote);
  }
}

/** RFC 3261 §18.1.1: the top Via names the transport that is really used. */
function viaTcp(octets: string): string {
  return octets.replace(/^(via|v)([ \t]*:\s*SIP\s*\/\s*2\.0\s*\/\s*)UDP/im, "$1$2TCP");
}
