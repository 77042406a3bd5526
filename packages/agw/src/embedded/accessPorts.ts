import type { RemoteInfo, Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Candidate } from "@portico/sdp";
import { classify } from "./demux.ts";
import { readStun, stunAttributes, type StunMessage } from "./stun.ts";
import { isPortTaken, openUdp } from "./udp.ts";

/** A local address browsers reach the gateway at. */
export interface AccessAddress {
  /** Address of an interface of this machine */
  readonly bind: string;
  /** What browsers are told, where address translation stands between; `bind` otherwise */
  readonly advertise?: string;
}

/** The way between one of our addresses and one of a browser's that passed ICE's check. */
export interface Path {
  readonly owner: PathOwner;
  readonly address: string;
  readonly port: number;
  send(datagram: Buffer): void;
  /** Takes it off its socket's table. */
  release(): void;
}

/** Where a check came from, before there is a path. */
export interface CheckOrigin {
  readonly address: string;
  readonly port: number;
  reply(datagram: Buffer): void;
  /** Makes the path the owner's; undefined when it is another's that is alive. */
  claim(owner: PathOwner): Path | undefined;
}

/** What a context does with what arrives for it. */
export interface PathOwner {
  /** Whether the browser was heard a short while ago. */
  readonly alive: boolean;
  onStun(message: StunMessage, origin: CheckOrigin): void;
  onDtls(datagram: Buffer, path: Path): void;
  onRtp(datagram: Buffer, path: Path): void;
  onRtcp(datagram: Buffer, path: Path): void;
  /** Another context took the path over. */
  onPathLost(path: Path): void;
}

const receiveBuffer = 1 << 20;

/** The UDP sockets all browsers share, one for each advertised address, and who is behind each remote address. */
export class AccessPorts {
  readonly #sockets: AccessSocket[] = [];
  readonly #owners = new Map<string, PathOwner>();
  readonly candidates: Candidate[] = [];

  /** @param port 0: any, the same for every address where that is possible @throws AgwError `agw/bind` */
  static async open(addresses: readonly AccessAddress[], port: number): Promise<AccessPorts> {
    const ports = new AccessPorts();
    // A loopback candidate is of use on this machine alone, and Firefox pairs none: let it stand last.
    const sorted = addresses.toSorted((a, b) => Number(isLoopback(a.bind)) - Number(isLoopback(b.bind)));
    try {
      let wanted = port;
      for (const [index, address] of sorted.entries()) {
        const socket = await AccessSocket.open(address.bind, wanted, port === 0, ports.#owners);
        ports.#sockets.push(socket);
        if (port === 0) wanted = socket.port;
        ports.candidates.push(candidateOf(address.advertise ?? address.bind, socket.port, index));
      }
    } catch (error) {
      ports.close();
      throw error;
    }
    return ports;
  }

  /** Checks for this local ufrag go to the owner from now on. */
  register(ufrag: string, owner: PathOwner): void {
    this.#owners.set(ufrag, owner);
  }

  unregister(ufrag: string): void {
    this.#owners.delete(ufrag);
  }

  /** Paths of all contexts. */
  get paths(): number {
    return this.#sockets.reduce((sum, socket) => sum + socket.paths, 0);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.#owners.clear();
  }
}

/** Bound to the one address it stands for: a wildcard socket would answer from whichever address the route prefers. */
class AccessSocket {
  readonly port: number;
  readonly #socket: Socket;
  readonly #owners: ReadonlyMap<string, PathOwner>;
  /** By remote port, then by address: no text has to be put together for each packet. */
  readonly #paths = new Map<number, Path[]>();
  #open = true;

  private constructor(socket: Socket, owners: ReadonlyMap<string, PathOwner>) {
    this.#socket = socket;
    this.#owners = owners;
    this.port = socket.address().port;
    socket.on("message", (datagram, from) => {
      // A forged source port of 0 cannot be answered: Node would throw.
      if (from.port !== 0) this.#receive(datagram, from);
    });
  }

  static async open(
    address: string,
    port: number,
    orAny: boolean,
    owners: ReadonlyMap<string, PathOwner>,
  ): Promise<AccessSocket> {
    try {
      return new AccessSocket(await openUdp(address, port, receiveBuffer), owners);
    } catch (error) {
      if (!orAny || port === 0 || !isPortTaken(error)) throw error;
      return new AccessSocket(await openUdp(address, 0, receiveBuffer), owners);
    }
  }

  get paths(): number {
    return [...this.#paths.values()].reduce((sum, list) => sum + list.length, 0);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }

  #receive(datagram: Buffer, { address, port }: RemoteInfo): void {
    const kind = classify(datagram);
    if (kind === undefined) return;
    if (kind === "stun") return this.#check(datagram, address, port);
    const path = this.#find(address, port);
    // Only who passed ICE's check is listened to.
    if (!path) return;
    if (kind === "rtp") path.owner.onRtp(datagram, path);
    else if (kind === "rtcp") path.owner.onRtcp(datagram, path);
    else path.owner.onDtls(datagram, path);
  }

  #check(datagram: Buffer, address: string, port: number): void {
    const message = readStun(datagram);
    const username = message?.attributes.get(stunAttributes.username);
    if (!message || !username || username.length > 513) return;
    const name = username.toString("latin1");
    const owner = this.#owners.get(name.slice(0, name.indexOf(":")));
    owner?.onStun(message, {
      address,
      port,
      reply: (answer) => this.#send(answer, port, address),
      claim: (claimant) => this.#claim(claimant, address, port),
    });
  }

  #claim(owner: PathOwner, address: string, port: number): Path | undefined {
    const present = this.#find(address, port);
    if (present?.owner === owner) return present;
    // A forged source address must not cut off the call that is really there.
    if (present?.owner.alive) return undefined;
    if (present) {
      present.release();
      present.owner.onPathLost(present);
    }
    const path: Path = {
      owner,
      address,
      port,
      send: (datagram) => this.#send(datagram, port, address),
      release: () => this.#release(path),
    };
    const list = this.#paths.get(port);
    if (list) list.push(path);
    else this.#paths.set(port, [path]);
    return path;
  }

  #release(path: Path): void {
    const rest = this.#paths.get(path.port)?.filter((other) => other !== path) ?? [];
    if (rest.length > 0) this.#paths.set(path.port, rest);
    else this.#paths.delete(path.port);
  }

  #find(address: string, port: number): Path | undefined {
    return this.#paths.get(port)?.find((path) => path.address === address);
  }

  #send(datagram: Buffer, port: number, address: string): void {
    if (this.#open) this.#socket.send(datagram, port, address);
  }
}

/** RFC 8445 §5.1.2.1: type preference 126 for host, one local preference for each address. */
function candidateOf(address: string, port: number, index: number): Candidate {
  return {
    foundation: String(index + 1),
    component: 1,
    transport: "udp",
    priority: 126 * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255,
    address,
    port,
    type: "host",
  };
}

function isLoopback(address: string): boolean {
  return isIPv6(address) ? address === "::1" : address.startsWith("127.");
}
