import type { Duplex } from "node:stream";
import { octets } from "@portico/sip";
import { flushLater, type Unsent } from "@portico/transport";
import { adopt } from "./adopt.ts";
import { FrameError, frameHead, FrameReader, opcodes, type Frame } from "./frames.ts";

/** Largest message accepted, octets (EPC-WS-04). */
const maxMessage = 65_536;
/** Octets that wait for the end of a turn. */
const enough = 1 << 16;
/** Octets waiting to be read by the browser beyond which it is given up. */
const maxBuffered = 1 << 20;
/** How long a browser may take to answer a close frame, ms. */
const closeGrace = 30_000;

/** Who is told what comes in. */
export interface WebSocketOwner {
  /** A whole message, text or binary: SIP does not tell them apart (RFC 7118 §5). */
  received(message: string): void;
  ponged(): void;
  /** The connection is gone; told once. */
  ended(): void;
}

/**
 * The server's side of a WebSocket after its handshake (RFC 6455), without extensions, on a TCP or TLS socket. A frame
 * leaves in one write, head and payload together, since a system call costs more than all else that is done for it; so do all those of one
 * turn of the event loop.
 *
 *     open --close(), close frame, protocol error--> closing --socket gone--> closed
 */
export class ServerWebSocket implements Unsent {
  readonly #socket: Duplex;
  readonly #owner: WebSocketOwner;
  readonly #reader = new FrameReader(maxMessage);
  /** Frames of this turn. */
  #unsent = "";
  /** What came of a message in fragments. */
  #fragments: string | undefined;
  #state: "open" | "closing" | "closed" = "open";
  /** Nothing that comes counts any more. */
  #deaf = false;
  /** Who does not read is not read from. */
  #paused = false;

  constructor(socket: Duplex, owner: WebSocketOwner) {
    this.#owner = owner;
    this.#socket = adopt(socket, (chunk, length) => this.#read(chunk, length))
      .on("end", () => this.#finish())
      .on("close", () => this.#ended())
      .on("error", ignored);
  }

  get open(): boolean {
    return this.#state === "open";
  }

  /** Sends a message: as text where it is UTF-8, else binary (RFC 6455 §8.1). @returns false when the connection is gone. */
  send(message: string): boolean {
    if (this.#state !== "open") return false;
    // A Latin-1 character beyond ASCII has two octets in UTF-8: equal lengths tell ASCII at the speed of memory.
    const text = Buffer.byteLength(message, "utf8") === message.length || octets.isUtf8(message);
    return this.#write(text ? opcodes.text : opcodes.binary, message);
  }

  ping(): void {
    if (this.#state === "open") this.#write(opcodes.ping, "");
  }

  /** Says why and closes once the browser has answered. @param reason UTF-8 of at most 123 octets. */
  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#sayClose(code, reason);
  }

  terminate(): void {
    this.#socket.destroy();
  }

  #write(opcode: number, payload: string): boolean {
    if (this.#socket.writableLength > maxBuffered) {
      this.#socket.destroy();
      return false;
    }
    if (this.#unsent === "") flushLater(this);
    this.#unsent += frameHead(opcode, payload.length) + payload;
    // One who is answered much in a turn may be one who does not read.
    if (this.#unsent.length > enough) this.flush();
    return true;
  }

  flush(): void {
    const unsent = this.#unsent;
    if (unsent === "") return;
    this.#unsent = "";
    const room = this.#socket.write(unsent, "latin1");
    if (!room && !this.#paused) this.#pause();
  }

  /** What a browser asks for while it does not read would wait here as answers: it waits there, as questions. */
  #pause(): void {
    this.#paused = true;
    this.#socket.pause();
    this.#socket.once("drain", () => {
      this.#paused = false;
      this.#socket.resume();
    });
  }

  #read(chunk: Buffer, length: number): void {
    if (this.#deaf) return;
    this.#reader.push(chunk, length);
    try {
      for (let frame = this.#reader.next(); frame !== undefined && !this.#deaf; frame = this.#reader.next()) {
        this.#take(frame);
      }
      this.#reader.settle();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#fail(error.closeCode, error.message);
    }
  }

  #take({ opcode, final, payload }: Frame): void {
    if (opcode === opcodes.pong) this.#owner.ponged();
    else if (opcode === opcodes.ping) {
      if (this.#state === "open") this.#write(opcodes.pong, payload);
    } else if (opcode === opcodes.close) this.#closeFrame(payload);
    else this.#data(opcode, final, payload);
  }

  #data(opcode: number, final: boolean, payload: string): void {
    const before = this.#fragments;
    // RFC 6455 §5.4: fragments of messages are not mixed.
    if ((opcode === opcodes.continuation) === (before === undefined)) throw new FrameError(1002, "fragmentation");
    const message = before === undefined ? payload : before + payload;
    if (message.length > maxMessage) throw new FrameError(1009, "message too large");
    this.#fragments = final ? undefined : message;
    if (final) this.#owner.received(message);
  }

  /** RFC 6455 §5.5.1: the answer repeats the code; then the server closes TCP first (§7.1.1). */
  #closeFrame(payload: string): void {
    if (payload.length === 1) throw new FrameError(1002, "close frame");
    const code = payload === "" ? undefined : payload.charCodeAt(0) * 256 + payload.charCodeAt(1);
    if (code !== undefined && !mayBeSent(code)) throw new FrameError(1002, "close code");
    if (this.#state === "open") this.#sayClose(code, "");
    this.#finish();
  }

  #fail(code: number, reason: string): void {
    if (this.#state === "open") this.#sayClose(code, reason);
    this.#finish();
  }

  #sayClose(code: number | undefined, reason: string): void {
    this.#state = "closing";
    const head = code === undefined ? "" : String.fromCharCode(code >> 8, code & 0xff);
    this.#write(opcodes.close, head + octets.fromText(reason));
    // A browser that does not answer must not hold the socket.
    const timer = setTimeout(() => this.#socket.destroy(), closeGrace).unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** Nothing more is said or heard. */
  #finish(): void {
    this.#deaf = true;
    if (this.#state === "open") this.#state = "closing";
    this.flush();
    this.#socket.end();
  }

  #ended(): void {
    this.#state = "closed";
    this.#deaf = true;
    this.#unsent = "";
    this.#owner.ended();
  }
}

/** "close" follows and does the work. */
function ignored(): void {}

/** RFC 6455 §7.4: codes that may stand in a close frame. */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
}
