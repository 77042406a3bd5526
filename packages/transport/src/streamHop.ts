import type { OnReadOpts, Socket } from "node:net";
import { SipError, StreamFramer } from "@portico/sip";
import { hostPort } from "./remote.ts";
import type { RemoteHop, SocketAddress } from "./remote.ts";
import { flushLater, type Unsent } from "./turn.ts";

/** What a hop tells the endpoint that owns it. */
export interface StreamHopOwner {
  readonly protocol: "TCP" | "TLS";
  readonly sentBy: string;
  /** One framed message. */
  received(octets: string, hop: StreamHop): void;
  malformed(error: SipError, hop: StreamHop): void;
  /** A message is about to be sent. */
  sending(octets: string): void;
  /** The connection ended; a hop that we opened connects again with the next message. */
  closed(hop: StreamHop): void;
  /** A connection of ours could not be made, and why. */
  unreached(error: Error, hop: StreamHop): void;
}

/**
 * Begins a connection; calls back when messages can be sent on it.
 * @param onread reads without a stream, for a connection that can do so; others emit "data".
 */
export type Dial = (ready: () => void, onread: OnReadOpts) => Socket;

/** Octets read at once. All connections share the buffer: what is in it is copied before the next read. */
const shared = Buffer.allocUnsafeSlow(65_536);

interface Waiting {
  octets: string;
  failed: (() => void) | undefined;
}

/** Octets that may wait for a peer that does not read or is not reached yet. */
const mostWaiting = 4 * 1024 * 1024;
const connectTimeoutMs = 5_000;
const closeGraceMs = 500;

/**
 * One flow of TCP or of TLS over it, used in both directions (RFC 3261 §18.2.2: responses return on the connection of the request).
 *
 *     idle --send--> connecting --connected--> open --end, error--> idle (opened by us) | gone (accepted)
 *
 * Messages sent in one turn of the event loop leave in one write: a system call costs more than a message's parsing.
 */
export class StreamHop implements RemoteHop, Unsent {
  readonly protocol: "TCP" | "TLS";
  readonly reliable = true;
  readonly sentBy: string;
  readonly remote: SocketAddress;
  readonly #owner: StreamHopOwner;
  readonly #dial: Dial | undefined;
  #socket: Socket | undefined;
  #connected = false;
  #waiting: Waiting[] = [];
  #waitingOctets = 0;
  #closed = false;

  /** @param way how to connect, or the connection that was accepted. */
  constructor(owner: StreamHopOwner, remote: SocketAddress, way: Dial | Socket) {
    this.#owner = owner;
    this.protocol = owner.protocol;
    this.sentBy = owner.sentBy;
    this.remote = remote;
    if (typeof way === "function") this.#dial = way;
    else {
      this.#connected = true;
      this.#adopt(way);
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
      if (this.#dial === undefined) return false;
      this.#connect(this.#dial);
    }
    if (this.#waitingOctets + (this.#socket?.writableLength ?? 0) + octets.length > mostWaiting) {
      this.#socket?.destroy();
      return false;
    }
    this.#owner.sending(octets);
    this.#waiting.push({ octets, failed });
    this.#waitingOctets += octets.length;
    if (this.#connected && this.#waiting.length === 1) flushLater(this);
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
    this.flush();
    socket.destroySoon();
    // A peer that has stopped reading must not hold the process
    setTimeout(() => socket.destroy(), closeGraceMs).unref();
  }

  #connect(dial: Dial): void {
    const framer = new StreamFramer();
    const ready = (): void => {
      socket.setTimeout(0);
      this.#connected = true;
      this.flush();
    };
    // A stream gives each read a buffer of its own, which costs as much as reading.
    const socket = dial(ready, {
      buffer: shared,
      callback: (length) => {
        this.#read(framer, shared.toString("latin1", 0, length), socket);
        return true;
      },
    });
    socket.setTimeout(connectTimeoutMs, () =>
      socket.destroy(new Error(`no connection to ${hostPort(this.remote.address, this.remote.port)}`)),
    );
    socket.on("error", (error) => {
      // In TLS 1.3 a peer refuses our certificate only after the connection is ready.
      if (!this.#connected || ("code" in error && String(error.code).startsWith("ERR_SSL")))
        this.#owner.unreached(error, this);
    });
    this.#adopt(socket, framer);
  }

  #adopt(socket: Socket, framer = new StreamFramer()): void {
    this.#socket = socket;
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

  flush(): void {
    const waiting = this.#waiting;
    // The connection may be gone, and another one on its way.
    if (waiting.length === 0 || !this.#connected) return;
    this.#waiting = [];
    this.#waitingOctets = 0;
    let octets = "";
    for (const item of waiting) octets += item.octets;
    this.#socket?.write(octets, "latin1");
  }

  #ended(): void {
    const reached = this.#connected;
    const waiting = this.#waiting;
    this.#socket = undefined;
    this.#connected = false;
    this.#waiting = [];
    this.#waitingOctets = 0;
    if (!reached) for (const item of waiting) item.failed?.();
    this.#owner.closed(this);
  }
}
