import { createSocket } from "node:dgram";
import type { Socket as DatagramSocket } from "node:dgram";
import { createServer, isIPv6 } from "node:net";
import type { Server, Socket } from "node:net";
import { SipError, SipRequest, formatVia, octets as codec, parseMessage } from "@portico/sip";
import type { SipMessage } from "@portico/sip";
import { bindError } from "./errors.ts";
import { hostPort, plainAddress } from "./remote.ts";
import type { RemoteHop, SocketAddress } from "./remote.ts";
import { TcpHop } from "./tcpHop.ts";
import type { TcpHopOwner } from "./tcpHop.ts";
import { UdpHop } from "./udpHop.ts";
import type { UdpHopOwner } from "./udpHop.ts";

/** Where an endpoint listens and whom it tells. */
export interface SipEndpointOptions {
  /** Address to bind; it is also what Via and the other headers name, so not a wildcard. */
  address: string;
  /** One port for UDP and TCP; 0 takes any. */
  port: number;
  /** Default true. */
  udp?: boolean;
  /** Default true. */
  tcp?: boolean;
  /** Every well-formed message. A request's top Via carries `received` and `rport` already. */
  onMessage(message: SipMessage, hop: RemoteHop): void;
  /** Input that is no SIP message. It is counted and dropped; a TCP stream that lost its framing is closed. */
  onMalformed?(error: SipError, from: SocketAddress): void;
  /** A TCP connection ended. */
  onHopClosed?(hop: RemoteHop): void;
}

/** SIP over UDP and TCP at one address and port (RFC 3261 §18). */
export interface SipEndpoint {
  readonly address: string;
  readonly port: number;
  /** Messages refused since the start. */
  readonly malformed: number;
  /** A way to a peer. TCP connects with the first message, and again after a loss; one hop a peer. */
  hopTo(target: SocketAddress & { protocol: "UDP" | "TCP" }): RemoteHop;
  /** Sends what waits and closes every socket. Idempotent. */
  close(): Promise<void>;
}

const mostConnections = 4096;
const bindAttempts = 20;
const shortestMessage = 16;

class Endpoint implements SipEndpoint {
  readonly address: string;
  readonly port: number;
  readonly #options: SipEndpointOptions;
  readonly #udp: DatagramSocket | undefined;
  readonly #tcp: Server | undefined;
  readonly #tcpOwner: TcpHopOwner;
  readonly #udpOwner: UdpHopOwner;
  readonly #opened = new Map<string, TcpHop>();
  readonly #accepted = new Set<TcpHop>();
  #malformed = 0;
  #closing: Promise<void> | undefined;

  constructor(options: SipEndpointOptions, port: number, udp: DatagramSocket | undefined, tcp: Server | undefined) {
    this.address = options.address;
    this.port = port;
    this.#options = options;
    this.#udp = udp;
    this.#tcp = tcp;
    const sentBy = hostPort(options.address, port);
    this.#tcpOwner = {
      sentBy,
      address: options.address,
      received: (octets, hop) => this.#received(octets, hop),
      malformed: (error, hop) => this.#refused(error, hop.remote),
      closed: (hop) => this.#hopClosed(hop),
    };
    this.#udpOwner = {
      sentBy,
      sendDatagram: (octets, remote) => this.#sendDatagram(octets, remote),
      sendStream: tcp === undefined ? undefined : (octets, remote, failed) => this.#tcpHop(remote).send(octets, failed),
    };
    udp?.on("message", (datagram, from) => this.#datagram(datagram.toString("latin1"), from));
    tcp?.on("connection", (socket) => this.#connection(socket));
  }

  get malformed(): number {
    return this.#malformed;
  }

  hopTo(target: SocketAddress & { protocol: "UDP" | "TCP" }): RemoteHop {
    const remote = { address: target.address, port: target.port };
    return target.protocol === "TCP" ? this.#tcpHop(remote) : new UdpHop(this.#udpOwner, remote);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #tcpHop(remote: SocketAddress): TcpHop {
    const key = hostPort(remote.address, remote.port);
    let hop = this.#opened.get(key);
    if (hop === undefined) {
      hop = new TcpHop(this.#tcpOwner, remote);
      if (this.#closing !== undefined) hop.close();
      else this.#opened.set(key, hop);
    }
    return hop;
  }

  #connection(socket: Socket): void {
    const remote = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    this.#accepted.add(new TcpHop(this.#tcpOwner, remote, socket));
  }

  #hopClosed(hop: TcpHop): void {
    this.#accepted.delete(hop);
    this.#tell(() => this.#options.onHopClosed?.(hop));
  }

  #sendDatagram(octets: string, remote: SocketAddress): boolean {
    if (this.#closing !== undefined || this.#udp === undefined) return false;
    // Errors such as "no route" end in the callback: on UDP, SIP's timers answer for loss
    this.#udp.send(codec.toBytes(octets), remote.port, remote.address, () => undefined);
    return true;
  }

  #datagram(octets: string, from: SocketAddress): void {
    // RFC 5626 §4.4 keep-alives and NAT probes: line ends or NULs without a message
    if (octets.length < shortestMessage) return;
    const remote = { address: plainAddress(from.address), port: from.port };
    this.#received(octets, new UdpHop(this.#udpOwner, remote));
  }

  #received(octets: string, hop: RemoteHop): void {
    let message: SipMessage;
    let answerTo: RemoteHop = hop;
    try {
      message = parseMessage(octets);
      if (message instanceof SipRequest) {
        const source = stampVia(message, hop.remote);
        if (!hop.reliable && source.port !== hop.remote.port) answerTo = new UdpHop(this.#udpOwner, source);
      }
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      this.#refused(error, hop.remote);
      return;
    }
    this.#tell(() => this.#options.onMessage(message, answerTo));
  }

  #refused(error: SipError, from: SocketAddress): void {
    this.#malformed += 1;
    this.#tell(() => this.#options.onMalformed?.(error, from));
  }

  /** A listener's exception is the listener's defect: it must not take the socket, and so every other user, with it. */
  #tell(listener: () => void): void {
    if (this.#closing !== undefined) return;
    try {
      listener();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  async #close(): Promise<void> {
    for (const hop of [...this.#opened.values(), ...this.#accepted]) hop.close();
    const ends: Promise<void>[] = [];
    const { promise: tcpClosed, resolve: closedTcp } = Promise.withResolvers<void>();
    if (this.#tcp !== undefined) {
      this.#tcp.close(() => closedTcp());
      ends.push(tcpClosed);
    }
    const { promise: udpClosed, resolve: closedUdp } = Promise.withResolvers<void>();
    if (this.#udp !== undefined) {
      this.#udp.close(() => closedUdp());
      ends.push(udpClosed);
    }
    await Promise.all(ends);
  }
}

/**
 * RFC 3261 §18.2.1 and RFC 3581 §4: notes in the top Via where a request really came from.
 * @returns where RFC 3261 §18.2.2 sends the response to it
 */
function stampVia(request: SipRequest, remote: SocketAddress): SocketAddress {
  const via = request.topVia;
  const symmetric = via.params.has("rport");
  if (!symmetric && via.host === remote.address) return { address: remote.address, port: via.port ?? 5060 };
  via.params.set("received", remote.address);
  if (symmetric) via.params.set("rport", String(remote.port));
  request.removeFirst("Via").prepend("Via", formatVia(via));
  return { address: remote.address, port: symmetric ? remote.port : (via.port ?? 5060) };
}

async function bindTcp(address: string, port: number): Promise<Server> {
  const server = createServer();
  server.maxConnections = mostConnections;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: address, port, exclusive: true }, resolve);
  await promise;
  server.off("error", reject);
  // A failed accept (no descriptors left) costs that one connection
  server.on("error", () => undefined);
  return server;
}

async function bindUdp(address: string, port: number): Promise<DatagramSocket> {
  const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: 1 << 20 });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind({ address, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.off("error", reject);
  // ICMP errors of earlier sends surface here
  socket.on("error", () => undefined);
  return socket;
}

async function bindBoth(o: SipEndpointOptions): Promise<Endpoint> {
  const server = o.tcp === false ? undefined : await bindTcp(o.address, o.port);
  const bound = server?.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : o.port;
  try {
    const udp = o.udp === false ? undefined : await bindUdp(o.address, port);
    return new Endpoint(o, udp?.address().port ?? port, udp, server);
  } catch (error) {
    server?.close();
    throw error;
  }
}

/**
 * Opens SIP at an address, UDP and TCP on one port.
 * @throws TransportError when the port is taken or the address is not this machine's
 */
export async function openSipEndpoint(options: SipEndpointOptions): Promise<SipEndpoint> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await bindBoth(options);
    } catch (error) {
      const failure = bindError(error, `SIP at ${hostPort(options.address, options.port)}`);
      // Port 0: the port that TCP got may be taken on UDP; another draw decides
      if (options.port !== 0 || failure.code !== "transport/port-in-use" || attempt === bindAttempts) throw failure;
    }
  }
}
