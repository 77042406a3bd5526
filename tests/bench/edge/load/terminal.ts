import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { homeDomain, impuOf, site } from "../access.ts";

/** Where an edge takes browsers in. */
export interface W2 {
  readonly port: number;
  readonly secure: boolean;
}

const binary = 0x82;
const ping = 0x89;
const pong = 0x8a;
const close = 0x88;
const maskBit = 0x80;
/** RFC 6455 §5.3: masked with noughts, octets stay what they are. */
const mask = "\0\0\0\0";
const granted = "SIP/2.0 200";
/** The group that every edge's OpenSSL has: a hybrid one with ML-KEM, where there is one, costs other handshakes and more memory. */
const ecdhCurve = "X25519";
/** Sockets that come from one address: an edge limits them, and an address has no more ports than it has. */
const perAddress = 1000;

/** A REGISTER was answered otherwise than by 200. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  /** Seconds; 0 without Retry-After. */
  readonly retryAfter: number;

  constructor(answer: string) {
    super(`REGISTER was answered ${answer.split("\r\n", 1)[0]}`);
    this.status = Number(answer.slice(8, 11));
    this.retryAfter = Number(/\r\nRetry-After: (\d+)/.exec(answer)?.[1] ?? 0);
  }
}

/** A user's REGISTERs, which differ in branch and CSeq alone. */
export function registerOf(user: number, token: string): (cseq: number) => string {
  const impu = impuOf(user);
  const host = `b${user}.invalid`;
  const instance = `<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-${String(user).padStart(12, "0")}>`;
  const head = `REGISTER sip:${homeDomain} SIP/2.0\r\nVia: SIP/2.0/WS ${host};branch=z9hG4bKr${user}x`;
  const tail =
    `Max-Forwards: 70\r\nFrom: <${impu}>;tag=tr${user}\r\nTo: <${impu}>\r\nCall-ID: r${user}@${host}\r\n` +
    `Contact: <sip:u${user}@${host};transport=ws>;reg-id=1;expires=600;+sip.instance="${instance}"\r\n` +
    `Supported: path, gruu, outbound\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\n\r\n`;
  return (cseq) => `${head}${cseq}\r\nCSeq: ${cseq} REGISTER\r\n${tail}`;
}

/**
 * The other end of W2 at the least cost there can be: octets are put together once and compared, never parsed, so that the
 * edge is what saturates. It registers and answers pings; it has no timers.
 */
export class Terminal {
  readonly #socket: Socket;
  readonly #registerAt: (cseq: number) => string;
  #cseq = 0;
  #held: Buffer | undefined;
  #answered: ((answer: string) => void) | undefined;
  #open = true;

  private constructor(socket: Socket, user: number, token: string) {
    this.#socket = socket;
    this.#registerAt = registerOf(user, token);
    socket.on("data", (octets: Buffer) => this.#read(octets));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#ended("the socket closed"));
  }

  /** The edge has not said or shown that it closes. */
  get open(): boolean {
    return this.#open;
  }

  static async open({ port, secure }: W2, user: number, token: string): Promise<Terminal> {
    const localAddress = `127.0.0.${2 + Math.floor(user / perAddress)}`;
    const plain = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
    const socket = secure ? connectTls({ socket: plain, rejectUnauthorized: false, ecdhCurve }) : plain;
    await once(socket, secure ? "secureConnect" : "connect");
    socket.write(
      `GET /w2 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: ${site}\r\n` +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n`,
    );
    const [octets] = (await once(socket, "data")) as [Buffer];
    const answer = octets.toString("latin1");
    if (!answer.startsWith("HTTP/1.1 101") || !answer.endsWith("\r\n\r\n")) {
      throw new Error(`the handshake was answered ${answer}`);
    }
    return new Terminal(socket, user, token);
  }

  /** Registers, or does so again. @throws Refused for any answer but 200. */
  async register(): Promise<void> {
    this.#cseq += 1;
    const answer = await new Promise<string>((resolve) => {
      this.#answered = resolve;
      this.#send(this.#registerAt(this.#cseq));
    });
    if (!answer.startsWith(granted)) throw new Refused(answer);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(message: string): void {
    const { length } = message;
    this.#socket.write(
      String.fromCharCode(binary, maskBit | 126, length >> 8, length & 0xff) + mask + message,
      "latin1",
    );
  }

  #read(octets: Buffer): void {
    const held = this.#held === undefined ? octets : Buffer.concat([this.#held, octets]);
    let at = 0;
    for (;;) {
      const short = held[at + 1] ?? 0;
      const from = at + (short === 126 ? 4 : 2);
      if (held.length < from) break;
      const end = from + (short === 126 ? held.readUInt16BE(at + 2) : short);
      if (held.length < end) break;
      this.#take(held[at] ?? 0, held, from, end);
      at = end;
    }
    this.#held = at === held.length ? undefined : held.subarray(at);
  }

  #take(first: number, held: Buffer, from: number, to: number): void {
    // RFC 6455 §5.5.3: with what came in the ping; Kamailio gives up a connection whose pong has it not.
    if (first === ping) {
      this.#socket.write(
        String.fromCharCode(pong, maskBit | (to - from)) + mask + held.toString("latin1", from, to),
        "latin1",
      );
    } else if (first === close) this.#ended("the edge closed");
    const text = held.toString("latin1", from, Math.min(to, from + granted.length));
    // A provisional response is none to wait for.
    if (!text.startsWith("SIP/2.0 ") || text.startsWith("SIP/2.0 1")) return;
    this.#answered?.(text === granted ? text : held.toString("latin1", from, to));
    this.#answered = undefined;
  }

  #ended(how: string): void {
    this.#open = false;
    this.#answered?.(how);
    this.#answered = undefined;
  }
}
