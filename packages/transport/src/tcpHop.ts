import { connect } from "node:net";
import type { Socket } from "node:net";
import { SipError, StreamFramer } from "@portico/sip";
import { hostPort } from "./remote.ts";
import type { RemoteHop, SocketAddress } from "./remote.ts";

/** What a hop tells the endpoint that owns it. */
export interface TcpHopOwner {
  readonly sentBy: string;
  /** Source address of connections that we open. */
  readonly address: string;
  /** One framed message. */
  received(octets: string, hop: TcpHop): void;
  malformed(error: SipError, hop: TcpHop): void;
  /** The connection ended; a hop that we opened connects again with the next message. */
  closed(hop: TcpHop): void;
}

interface Waiting {
  octets: string;
  failed: (() => void) | undefined;
}

/** Octets that may wait for a peer that does not read or is not reached yet. */
const mostWaiting = 4 * 1024 * 1024;
const connectTimeoutMs = 5_000;
const closeGraceMs = 500;

/**
 * One TCP flow, used in both directions (RFC 3261 §18.2.2: responses return on the connection of the request).
 *
 *     idle --send--> connecting --connected--> open --end, error--> idle (opened by us) | gone (accepted)
 *
 * Messages sent in one turn of the event loop leave in one write: a system call costs more than a message's parsing.
 */
export class TcpHop implements RemoteHop {
  readonly protocol = "TCP";
  readonly reliable = true;
  readonly sentBy: string;
  readonly remote: SocketAddress;
  readonly #owner: TcpHopOwner;
  readonly #mayConnect: boolean;
  #socket: Socket | undefined;
  #connected = false;
  #waiting: Waiting[] = [];
  #waitingOctets = 0;
  #flush: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(owner: TcpHopOwner, remote: SocketAddress, accepted?: Socket) {
    this.#owner = owner;
    this.sentBy = owner.sentBy;
    this.remote = remote;
    this.#mayConnect = accepted === undefined;
    if (accepted !== undefined) {
      this.#connected = true;
      this.#adopt(accepted);
    }
  }

  /** Whether a message sent now reaches an open connection. */
  get open(): boolean {
    return this.#connected;
  }

  /**
   * Sends, connecting first where this hop was opened by us.
   * @param failed called when the connection could not be established, with the message unsent
   * @returns false when the flow is gone or its peer no longer reads
   */
  send(octets: string, failed?: () => void): boolean {
    if (this.#closed) return false;
    if (this.#socket === undefined) {
      if (!this.#mayConnect) return false;
      this.#connect();
    }
    if (this.#waitingOctets + (this.#socket?.writableLength ?? 0) + octets.length > mostWaiting) {
      this.#socket?.destroy();
      return false;
    }
    this.#waiting.push({ octets, failed });
    this.#waitingOctets += octets.length;
    if (this.#connected) this.#flush ??= setImmediate(() => this.#write());
    return true;
  }

  /** Sends what waits and ends the connection. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const socket = this.#socket;
    if (socket === undefined) return;
    if (!this.#connected) {
      socket.destroy();
      return;
    }
    this.#write();
    socket.destroySoon();
    // A peer that has stopped reading must not hold the process
    setTimeout(() => socket.destroy(), closeGraceMs).unref();
  }

  #connect(): void {
    const socket = connect({ host: this.remote.address, port: this.remote.port, localAddress: this.#owner.address });
    socket.setTimeout(connectTimeoutMs, () =>
      socket.destroy(new Error(`no connection to ${hostPort(this.remote.address, this.remote.port)}`)),
    );
    socket.once("connect", () => {
      socket.setTimeout(0);
      this.#connected = true;
      this.#write();
    });
    this.#adopt(socket);
  }

  #adopt(socket: Socket): void {
    this.#socket = socket;
    const framer = new StreamFramer();
    socket.setNoDelay(true);
    // A long stream whose peer vanished without a word must not look alive for hours
    socket.setKeepAlive(true, 30_000);
    socket.setEncoding("latin1");
    socket.on("data", (octets: string) => this.#read(framer, octets, socket));
    // "close" follows and does the work
    socket.on("error", () => undefined);
    socket.on("close", () => this.#ended());
  }

  #read(framer: StreamFramer, octets: string, socket: Socket): void {
    try {
      for (const item of framer.push(octets)) {
        if (this.#closed) return;
        // RFC 5626 §4.4.1: a double CRLF is answered with a single one
        if (item === "keep-alive") this.send("\r\n");
        else this.#owner.received(item, this);
      }
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      // RFC 3261 §18.3: without Content-Length the stream's framing is lost, so the connection goes
      this.#owner.malformed(error, this);
      socket.destroy();
    }
  }

  #write(): void {
    this.#flush = undefined;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#waitingOctets = 0;
    let octets = "";
    for (const item of waiting) octets += item.octets;
    this.#socket?.write(octets, "latin1");
  }

  #ended(): void {
    const reached = this.#connected;
    const waiting = this.#waiting;
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.#socket = undefined;
    this.#connected = false;
    this.#waiting = [];
    this.#waitingOctets = 0;
    if (!reached) for (const item of waiting) item.failed?.();
    this.#owner.closed(this);
  }
}
