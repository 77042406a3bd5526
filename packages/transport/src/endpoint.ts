import { createSocket } from "node:dgram";
import type { Socket as DatagramSocket } from "node:dgram";
import { connect, createServer, isIP, isIPv6 } from "node:net";
import type { Server, Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { ConnectionOptions, SecureContext, Server as TlsServer } from "node:tls";
import { SipError, SipRequest, formatVia, parseMessage } from "@portico/sip";
import type { SipMessage } from "@portico/sip";
import { bindError } from "./errors.ts";
import { hostPort, plainAddress } from "./remote.ts";
import type { RemoteHop, SocketAddress } from "./remote.ts";
import { StreamHop } from "./streamHop.ts";
import type { Dial, StreamHopOwner } from "./streamHop.ts";
import { checkDomain, plainError, secureContext, secureOptions } from "./tls.ts";
import type { TlsCredentials, TlsOptions } from "./tls.ts";
import { flushAll, flushLater } from "./turn.ts";
import { Datagram, UdpHop } from "./udpHop.ts";
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
  /** Absent: no TLS. */
  tls?: TlsOptions | undefined;
  /** Every well-formed message. A request's top Via carries `received` and `rport` already. */
  onMessage(message: SipMessage, hop: RemoteHop): void;
  /** Input that is no SIP message. It is counted and dropped; a TCP stream that lost its framing is closed. */
  onMalformed?(error: SipError, from: SocketAddress): void;
  /** Every message that is sent, as octets. */
  onSend?(octets: string): void;
  /** A connection ended. */
  onHopClosed?(hop: RemoteHop): void;
  /** A connection could not be made or taken: the peer refuses it, does not answer, or its certificate is not what it should be. */
  onUnreached?(error: Error, peer: SocketAddress, protocol: "TCP" | "TLS"): void;
}

/** Where a hop leads. */
export interface HopTarget extends SocketAddress {
  readonly protocol: "UDP" | "TCP" | "TLS";
  /** TLS: the SIP domain that the peer's certificate must name (RFC 5922 §7); default the address. */
  readonly host?: string;
}

/** SIP over UDP and TCP at one address and port, and over TLS at another port (RFC 3261 §18). */
export interface SipEndpoint {
  readonly address: string;
  /** Of UDP and TCP. */
  readonly port: number;
  /** Undefined without TLS. */
  readonly tlsPort: number | undefined;
  /** Messages refused since the start. */
  readonly malformed: number;
  /**
   * A way to a peer. TCP and TLS connect with the first message, and again after a loss; one hop a peer.
   * @throws TypeError for TLS at an endpoint without
   */
  hopTo(target: HopTarget): RemoteHop;
  /**
   * Other credentials for connections from now on, in both directions; those that stand stay.
   * @throws TransportError `transport/tls-credentials`; nothing has changed then
   */
  setSecureContext(credentials: TlsCredentials): void;
  /** Sends what waits and closes every socket. Idempotent. */
  close(): Promise<void>;
}

const mostConnections = 4096;
const bindAttempts = 20;
const shortestMessage = 16;

/** The sockets of an endpoint. */
interface Sockets {
  readonly udp: DatagramSocket | undefined;
  readonly tcp: Server | undefined;
  readonly tls: TlsServer | undefined;
}

class Endpoint implements SipEndpoint {
  readonly address: string;
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly #options: SipEndpointOptions;
  readonly #sockets: Sockets;
  readonly #tcpOwner: StreamHopOwner;
  readonly #tlsOwner: StreamHopOwner;
  readonly #udpOwner: UdpHopOwner;
  readonly #opened = new Map<string, StreamHop>();
  readonly #accepted = new Set<StreamHop>();
  // Most of what is sent goes where the last went, to the home network, and what each user keeps of it is one hop.
  #lastTcp: StreamHop | undefined;
  #lastUdp: UdpHop | undefined;
  #secureContext: SecureContext | undefined;
  #malformed = 0;
  #closing: Promise<void> | undefined;

  constructor(options: SipEndpointOptions, port: number, sockets: Sockets, context: SecureContext | undefined) {
    const { udp, tcp, tls } = sockets;
    this.address = options.address;
    this.port = port;
    this.tlsPort = portOf(tls);
    this.#options = options;
    this.#sockets = sockets;
    this.#secureContext = context;
    this.#tcpOwner = this.#streamOwner("TCP", port);
    this.#tlsOwner = this.#streamOwner("TLS", this.tlsPort ?? 0);
    this.#udpOwner = {
      sentBy: hostPort(options.address, port),
      sendDatagram: (octets, remote) => this.#sendDatagram(octets, remote),
      sendStream: tcp === undefined ? undefined : (octets, remote, failed) => this.#tcpHop(remote).send(octets, failed),
    };
    udp?.on("message", (datagram, from) => this.#datagram(datagram.toString("latin1"), from));
    tcp?.on("connection", (socket) => this.#connection(socket, this.#tcpOwner));
    tls?.on("secureConnection", (socket) => this.#connection(socket, this.#tlsOwner));
    tls?.on("tlsClientError", (error, socket) => this.#unreached(error, remoteOf(socket), "TLS"));
  }

  get malformed(): number {
    return this.#malformed;
  }

  hopTo(target: HopTarget): RemoteHop {
    const remote = { address: target.address, port: target.port };
    if (target.protocol === "UDP") return this.#udpHop(remote);
    return target.protocol === "TCP" ? this.#tcpHop(remote) : this.#tlsHop(remote, target.host ?? target.address);
  }

  setSecureContext(credentials: TlsCredentials): void {
    const context = secureContext(credentials);
    this.#sockets.tls?.setSecureContext(secureOptions(credentials));
    this.#secureContext = context;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #streamOwner(protocol: "TCP" | "TLS", port: number): StreamHopOwner {
    return {
      protocol,
      sentBy: hostPort(this.address, port),
      received: (octets, hop) => this.#received(octets, hop),
      malformed: (error, hop) => this.#refused(error, hop.remote),
      sending: (octets) => this.#options.onSend?.(octets),
      closed: (hop) => this.#hopClosed(hop),
      unreached: (error, hop) => this.#unreached(error, hop.remote, protocol),
    };
  }

  #udpHop(remote: SocketAddress): UdpHop {
    if (!leadsTo(this.#lastUdp, remote)) this.#lastUdp = new UdpHop(this.#udpOwner, remote);
    return this.#lastUdp;
  }

  #tcpHop(remote: SocketAddress): StreamHop {
    if (leadsTo(this.#lastTcp, remote)) return this.#lastTcp;
    const where = { host: remote.address, port: remote.port, localAddress: this.address };
    this.#lastTcp = this.#streamHop(hostPort(remote.address, remote.port), this.#tcpOwner, remote, (ready, onread) =>
      connect({ ...where, onread }, ready),
    );
    return this.#lastTcp;
  }

  #tlsHop(remote: SocketAddress, domain: string): StreamHop {
    if (this.#secureContext === undefined) throw new TypeError("this endpoint has no TLS");
    const { address: host, port } = remote;
    return this.#streamHop(`${domain} ${hostPort(host, port)}`, this.#tlsOwner, remote, (ready) => {
      const context = this.#secureContext;
      // node:tls hands localAddress on to node:net, although its types do not say so.
      const options: ConnectionOptions & { localAddress: string } = {
        host,
        port,
        localAddress: this.address,
        ...(context === undefined ? {} : { secureContext: context }),
        ...(isIP(domain) === 0 ? { servername: domain } : {}),
        checkServerIdentity: (_, certificate) => checkDomain(domain, certificate),
      };
      return connectTls(options, ready);
    });
  }

  #streamHop(key: string, owner: StreamHopOwner, remote: SocketAddress, dial: Dial): StreamHop {
    let hop = this.#opened.get(key);
    if (hop === undefined) {
      hop = new StreamHop(owner, remote, dial);
      if (this.#closing !== undefined) hop.close();
      else this.#opened.set(key, hop);
    }
    return hop;
  }

  #connection(socket: Socket, owner: StreamHopOwner): void {
    this.#accepted.add(new StreamHop(owner, remoteOf(socket), socket));
  }

  #hopClosed(hop: StreamHop): void {
    this.#accepted.delete(hop);
    this.#tell(() => this.#options.onHopClosed?.(hop));
  }

  #unreached(error: Error, peer: SocketAddress, protocol: "TCP" | "TLS"): void {
    this.#tell(() => this.#options.onUnreached?.(plainError(error), peer, protocol));
  }

  #sendDatagram(octets: string, remote: SocketAddress): boolean {
    if (this.#closing !== undefined || this.#sockets.udp === undefined) return false;
    this.#options.onSend?.(octets);
    flushLater(new Datagram(this.#sockets.udp, octets, remote));
    return true;
  }

  #datagram(octets: string, from: SocketAddress): void {
    // RFC 5626 §4.4 keep-alives and NAT probes: line ends or NULs without a message
    if (octets.length < shortestMessage) return;
    this.#received(octets, this.#udpHop({ address: plainAddress(from.address), port: from.port }));
  }

  #received(octets: string, hop: RemoteHop): void {
    let message: SipMessage;
    let answerTo: RemoteHop = hop;
    try {
      message = parseMessage(octets);
      if (message instanceof SipRequest) {
        const source = stampVia(message, hop.remote);
        if (!hop.reliable && source.port !== hop.remote.port) answerTo = this.#udpHop(source);
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
    flushAll();
    for (const hop of [...this.#opened.values(), ...this.#accepted]) hop.close();
    await Promise.all(Object.values(this.#sockets).map((socket) => closed(socket)));
  }
}

function closed(socket: DatagramSocket | Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (socket === undefined) resolve();
    else socket.close(() => resolve());
  });
}

function leadsTo<H extends RemoteHop>(hop: H | undefined, { address, port }: SocketAddress): hop is H {
  return hop?.remote.port === port && hop.remote.address === address;
}

function remoteOf(socket: Socket): SocketAddress {
  return { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
}

function portOf(server: Server | undefined): number | undefined {
  const bound = server?.address();
  return typeof bound === "object" && bound !== null ? bound.port : undefined;
}

/**
 * RFC 3261 §18.2.1 and RFC 3581 §4: notes in the top Via where a request really came from.
 * @returns where RFC 3261 §18.2.2 sends the response to it
 */
function stampVia(request: SipRequest, remote: SocketAddress): SocketAddress {
  const via = request.topVia;
  const symmetric = via.params.has("rport");
  if (!symmetric && via.host.replace(/^\[|\]$/g, "") === remote.address)
    return { address: remote.address, port: via.port ?? 5060 };
  via.params.set("received", remote.address);
  if (symmetric) via.params.set("rport", String(remote.port));
  request.removeFirst("Via").prepend("Via", formatVia(via));
  return { address: remote.address, port: symmetric ? remote.port : (via.port ?? 5060) };
}

function bindTcp(address: string, port: number): Promise<Server> {
  return listening(createServer(), address, port);
}

function bindTls(address: string, options: TlsOptions): Promise<TlsServer> {
  const required = options.requireClientCertificate === true;
  const server = createTlsServer({
    ...secureOptions(options),
    requestCert: required,
    rejectUnauthorized: required,
    handshakeTimeout: 5000,
  });
  return listening(server, address, options.port);
}

async function listening<T extends Server>(server: T, address: string, port: number): Promise<T> {
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

/** What comes here is an address already: it is used in the same turn, without a look at names. */
function literal(address: string, _: object, found: (error: null, address: string, family: number) => void): void {
  // Nobody asks for the family: the socket has one.
  found(null, address, 4);
}

async function bindUdp(address: string, port: number): Promise<DatagramSocket> {
  const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: 1 << 20, lookup: literal });
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

async function bindAll(o: SipEndpointOptions): Promise<Endpoint> {
  const opened: (DatagramSocket | Server)[] = [];
  const keep = <T extends DatagramSocket | Server>(socket: T): T => {
    opened.push(socket);
    return socket;
  };
  try {
    // First of all, since a port that is bound in vain helps nobody.
    const context = o.tls === undefined ? undefined : secureContext(o.tls);
    const tls = o.tls === undefined ? undefined : keep(await bindTls(o.address, o.tls));
    const tcp = o.tcp === false ? undefined : keep(await bindTcp(o.address, o.port));
    const port = portOf(tcp) ?? o.port;
    const udp = o.udp === false ? undefined : keep(await bindUdp(o.address, port));
    return new Endpoint(o, udp?.address().port ?? port, { udp, tcp, tls }, context);
  } catch (error) {
    for (const socket of opened) socket.close();
    throw error;
  }
}

/**
 * Opens SIP at an address: UDP and TCP on one port, TLS on another.
 * @throws TransportError when a port is taken, the address is not this machine's, or the TLS credentials cannot be used
 */
export async function openSipEndpoint(options: SipEndpointOptions): Promise<SipEndpoint> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await bindAll(options);
    } catch (error) {
      const failure = bindError(error, `SIP at ${hostPort(options.address, options.port)}`);
      // Port 0: the port that TCP got may be taken on UDP; another draw decides
      if (options.port !== 0 || failure.code !== "transport/port-in-use" || attempt === bindAttempts) throw failure;
    }
  }
}
