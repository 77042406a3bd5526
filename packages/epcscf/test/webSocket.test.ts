import { once } from "node:events";
import { createServer as createHttp, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import { createConnection, type AddressInfo, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { SeededRandom } from "@portico/sip/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { FrameError, frameHead, FrameReader, opcodes } from "../src/w2/frames.ts";
import { accept } from "../src/w2/handshake.ts";
import { ServerWebSocket } from "../src/w2/webSocket.ts";
import { until } from "./support/until.ts";

/** One frame of a client, masked. */
function frame(first: number, payload: Buffer | string, { masked = true, length = "" } = {}): Buffer {
  const octets = Buffer.from(payload as string, "latin1");
  const size = octets.length;
  const forms: Record<string, number[]> = {
    "":
      size < 126
        ? [size]
        : size < 65_536
          ? [126, size >> 8, size & 255]
          : [127, 0, 0, 0, 0, 0, size >> 16, (size >> 8) & 255, size & 255],
    huge: [127, 0, 0, 0, 1, 0, 0, 0, 0],
  };
  const [short = 0, ...rest] = forms[length] ?? [];
  const mask = [7, 130, 9, 255];
  const body = masked ? octets.map((octet, at) => octet ^ (mask[at % 4] ?? 0)) : octets;
  return Buffer.concat([Buffer.from([first, short | (masked ? 128 : 0), ...rest, ...(masked ? mask : [])]), body]);
}

const text = (payload: string): Buffer => frame(0x81, payload);

/** What a client has read: frames of a server, unmasked and below 64 KiB. */
function framesOf(octets: Buffer): { opcode: number; payload: string }[] {
  const frames: { opcode: number; payload: string }[] = [];
  for (let at = 0; at + 2 <= octets.length;) {
    const short = octets[at + 1] ?? 0;
    const head = short === 126 ? 4 : 2;
    if (octets.length < at + head) break;
    const size = short === 126 ? octets.readUInt16BE(at + 2) : short;
    if (octets.length < at + head + size) break;
    expect((octets[at] ?? 0) & 0x80).toBe(0x80);
    frames.push({
      opcode: (octets[at] ?? 0) & 15,
      payload: octets.toString("latin1", at + head, at + head + size),
    });
    at += head + size;
  }
  return frames;
}

/** A letter and a number again and again. */
const long = (letter: string): string => Array.from({ length: 80 }, (_, at) => letter + at).join("");

/** That in one frame, cut in three. */
function thirds(letter: string): [Buffer, Buffer, Buffer] {
  const octets = text(long(letter));
  return [octets.subarray(0, 100), octets.subarray(100, 200), octets.subarray(200)];
}

const closeCode = (payload: string): number => payload.charCodeAt(0) * 256 + payload.charCodeAt(1);

class Side {
  readonly got: string[] = [];
  pongs = 0;
  ends = 0;
  socket: ServerWebSocket | undefined;
  received(message: string): void {
    this.got.push(message);
  }
  ponged(): void {
    this.pongs += 1;
  }
  ended(): void {
    this.ends += 1;
  }
}

/** True when it ends, or fails as the protocol has it. */
function outcome(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    return error instanceof FrameError;
  }
}

let http: Server;
let side: Side;
const sockets: Socket[] = [];

async function serve(server: Server): Promise<void> {
  http = server;
  side = new Side();
  http.on("upgrade", (request, socket, head) => {
    if (accept(request, socket, head)) side.socket = new ServerWebSocket(socket, side);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
}

const port = (): number => (http.address() as AddressInfo).port;

beforeEach(() => serve(createHttp()));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  side.socket?.terminate();
  await new Promise((resolve) => http.close(resolve));
});

const upgrade = (fields: string): string => `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${fields}\r\n\r\n`;
const good = upgrade("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");

/** A client that writes octets as told. */
class Raw {
  readonly socket: Socket;
  octets: Buffer = Buffer.alloc(0);
  closed = false;
  constructor(first: Buffer | string = good) {
    this.socket = createConnection({ host: "127.0.0.1", port: port(), allowHalfOpen: true, noDelay: true });
    sockets.push(this.socket);
    this.socket.on("data", (chunk: Buffer) => (this.octets = Buffer.concat([this.octets, chunk])));
    this.socket.on("end", () => (this.closed = true));
    this.socket.on("error", () => undefined);
    this.socket.write(first);
  }
  get head(): string {
    return this.octets.toString("latin1").split("\r\n\r\n", 1)[0] ?? "";
  }
  get frames(): { opcode: number; payload: string }[] {
    return framesOf(this.octets.subarray(this.head.length + 4));
  }
  static async open(): Promise<Raw> {
    const raw = new Raw();
    await until(() => raw.octets.includes("\r\n\r\n"));
    return raw;
  }
}

async function client(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port()}`, ["sip"]);
  await once(socket, "open");
  return socket;
}

describe("opening handshake", () => {
  test("the key of RFC 6455 §1.3 is answered as printed there", async () => {
    const raw = await Raw.open();
    expect(raw.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(raw.head).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect(raw.head).not.toContain("Extensions");
  });

  test.each([
    ["another protocol", 400, good.replace("websocket", "h2c")],
    ["no key", 400, good.replace(/\r\nSec-WebSocket-Key.*==/, "")],
    ["a short key", 400, good.replace("dGhl", "")],
    ["another version", 426, good.replace("Version: 13", "Version: 12")],
    ["another method", 405, good.replace("GET", "POST")],
  ])("%s: %i", async (_, status, request) => {
    const raw = new Raw(request);
    await until(() => raw.closed);
    expect(raw.head).toContain(`HTTP/1.1 ${status} `);
    expect(raw.head.includes("Sec-WebSocket-Version: 13")).toBe(status === 426);
    expect(side.socket).toBeUndefined();
  });

  test("a refused client that keeps its side open is let go", async () => {
    const raw = new Raw(good.replace("GET", "POST"));
    await until(() => raw.closed);
    let open = 1;
    await until(() => {
      http.getConnections((_, count) => (open = count));
      return open === 0;
    });
    expect(raw.socket.writableEnded).toBe(false);
  });

  test("a frame in the segment of the handshake is not lost", async () => {
    const raw = new Raw(Buffer.concat([Buffer.from(good), text("early"), frame(0x89, "?")]));
    expect(await until(() => side.got[0])).toBe("early");
    await until(() => raw.frames.length === 1);
    expect(raw.frames).toEqual([{ opcode: opcodes.pong, payload: "?" }]);
    raw.socket.destroy();
  });
});

describe("messages", () => {
  test.each([0, 1, 125, 126, 127, 65_535, 65_536])("%i octets both ways", async (size) => {
    const socket = await client();
    const octets = Buffer.alloc(size, 1).map((_, at) => at % 256);
    socket.send(octets);
    await until(() => side.got.length === 1);
    expect(Buffer.from(side.got[0] ?? "", "latin1").equals(octets)).toBe(true);
    const answer = once(socket, "message");
    expect(side.socket?.send(Buffer.from(octets).toString("latin1"))).toBe(true);
    const [data] = (await answer) as [Buffer];
    expect(data.equals(octets)).toBe(true);
    socket.terminate();
  });

  test("UTF-8 leaves as text, what is none as binary; neither is judged on its way in", async () => {
    const socket = await client();
    const kinds: boolean[] = [];
    socket.on("message", (_, binary) => kinds.push(binary));
    for (const message of ["plain", "Z\u00c3\u00bcrich", "Z\u00fcrich"]) side.socket?.send(message);
    await until(() => kinds.length === 3);
    expect(kinds).toEqual([false, false, true]);
    const raw = await Raw.open();
    raw.socket.write(text("Z\u00fcrich"));
    await until(() => side.got[0] === "Z\u00fcrich");
    socket.terminate();
  });

  test("a message leaves in one piece: the frame's head is never written alone", async () => {
    const raw = await Raw.open();
    const sizes: number[] = [];
    raw.socket.on("data", ({ length }) => sizes.push(length));
    side.socket?.send("x".repeat(900));
    await until(() => raw.frames.length === 1);
    expect(sizes).toEqual([904]);
  });

  test("messages of one turn leave in one write", async () => {
    const writes: string[] = [];
    const write = (octets: Buffer, _: unknown, done: () => void): void => {
      writes.push(octets.toString("latin1"));
      done();
    };
    const socket = new ServerWebSocket(new Duplex({ read: () => undefined, write }), side);
    for (const letter of ["a", "b", "c"]) socket.send(letter);
    await until(() => writes.length > 0);
    expect(writes).toEqual(["\x81\x01a\x81\x01b\x81\x01c"]);
  });

  test("fragments are one message, control frames may stand between them", async () => {
    const raw = await Raw.open();
    raw.socket.write(
      Buffer.concat([frame(1, "a"), frame(0x89, "?"), frame(0, ""), frame(0x8a, ""), frame(0x80, "b"), text("c")]),
    );
    await until(() => side.got.length === 2);
    expect(side.got).toEqual(["ab", "c"]);
    expect(side.pongs).toBe(1);
    await until(() => raw.frames.length === 1);
    expect(raw.frames).toEqual([{ opcode: opcodes.pong, payload: "?" }]);
  });

  test("what one socket has not finished is not lost when another one is read", async () => {
    const mine = side;
    const one = await Raw.open();
    const first = mine.socket;
    const other = new Side();
    side = other;
    const two = await Raw.open();
    // Each is read before the next is written: a whole message behind the half one tells.
    for (const [raw, letter] of [[one, "a"] as const, [two, "b"] as const]) {
      raw.socket.write(Buffer.concat([text(letter), thirds(letter)[0]]));
      await until(() => (letter === "a" ? mine : other).got.length === 1);
    }
    for (const part of [1, 2] as const) {
      for (const [raw, letter] of [[one, "a"] as const, [two, "b"] as const]) {
        raw.socket.write(thirds(letter)[part]);
        // Both ends are in this process.
        for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await until(() => mine.got.length + other.got.length === 4);
    expect([mine.got[1], other.got[1]]).toEqual([long("a"), long("b")]);
    first?.terminate();
  });

  test("a ping is answered with its payload, a pong is told", async () => {
    const socket = await client();
    const pong = once(socket, "pong");
    socket.ping("x".repeat(125));
    const [data] = (await pong) as [Buffer];
    expect(data).toHaveLength(125);
    side.socket?.ping();
    await until(() => side.pongs === 1);
    socket.terminate();
  });

  test("octets cut anywhere give the same frames", () => {
    const random = new SeededRandom(6455);
    const draw = (most: number): number => Number.parseInt(random.token(6), 36) % most;
    for (let round = 0; round < 300; round += 1) {
      const payloads = Array.from({ length: 1 + draw(5) }, () => random.token([3, 125, 126, 700, 66][draw(5)] ?? 1));
      const all = Buffer.concat(payloads.map((payload) => text(payload)));
      const reader = new FrameReader(65_536);
      const read: string[] = [];
      for (let at = 0; at < all.length;) {
        const step = 1 + draw(round % 2 === 0 ? 4 : 400);
        reader.push(Buffer.from(all.subarray(at, at + step)));
        at += step;
        for (let one = reader.next(); one !== undefined; one = reader.next()) read.push(one.payload);
      }
      expect(read).toEqual(payloads);
    }
  });

  test("any octets end in frames or in an error of the protocol", () => {
    const random = new SeededRandom(7118);
    for (let round = 0; round < 2000; round += 1) {
      const reader = new FrameReader(1000);
      const octets = Buffer.from(random.token(40), "base64");
      // Valid beginnings get further.
      if (round % 2 === 0) octets[0] = 0x81;
      octets[1] = (octets[1] ?? 0) | 0x80;
      reader.push(octets);
      const read = (): void => {
        while (reader.next() !== undefined);
      };
      expect(outcome(read)).toBe(true);
    }
  });

  test("the head of a frame above 64 KiB", () => {
    expect(Buffer.from(frameHead(opcodes.binary, 0x1_02_03), "latin1")).toEqual(
      Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 2, 3]),
    );
  });
});

describe("what the protocol forbids", () => {
  const big = Buffer.alloc(40_000);
  test.each([
    ["a frame without mask", 1002, [frame(0x81, "x", { masked: false })]],
    ["reserved bit 1", 1002, [frame(0xc1, "x")]],
    ["reserved bits 2 and 3", 1002, [frame(0xb1, "x")]],
    ["opcode 3", 1002, [frame(0x83, "x")]],
    ["opcode 11", 1002, [frame(0x8b, "x")]],
    ["a ping in fragments", 1002, [frame(0x09, "x")]],
    ["a ping of 126 octets", 1002, [frame(0x89, Buffer.alloc(126))]],
    ["a continuation of nothing", 1002, [frame(0x80, "x")]],
    ["a message inside a message", 1002, [frame(1, "x"), text("y")]],
    ["a close frame of one octet", 1002, [frame(0x88, "x")]],
    ["close code 1005", 1002, [frame(0x88, "\u0003\u00ed")]],
    ["close code 999", 1002, [frame(0x88, "\u0003\u00e7")]],
    ["a frame above 64 KiB", 1009, [frame(0x81, Buffer.alloc(65_537))]],
    ["a frame above 4 GiB", 1009, [frame(0x81, "", { length: "huge" })]],
    ["fragments above 64 KiB together", 1009, [frame(1, big), frame(0x80, big)]],
  ])("%s: close %i, and nothing more is heard", async (_, code, frames) => {
    const raw = await Raw.open();
    raw.socket.write(Buffer.concat([...frames, text("later")]));
    await until(() => raw.closed);
    expect(raw.frames.map(({ opcode, payload }) => [opcode, closeCode(payload)])).toEqual([[opcodes.close, code]]);
    expect(side.got).toEqual([]);
    raw.socket.end();
    await until(() => side.ends === 1);
  });
});

describe("the end", () => {
  test("the browser closes: its code is repeated, the server ends TCP", async () => {
    const socket = await client();
    const closed = once(socket, "close");
    socket.close(4001, "over");
    expect((await closed)[0]).toBe(4001);
    await until(() => side.ends === 1);
    expect(side.socket?.open).toBe(false);
  });

  test("an empty close frame is answered by one", async () => {
    const raw = await Raw.open();
    raw.socket.write(frame(0x88, ""));
    await until(() => raw.closed);
    expect(raw.frames).toEqual([{ opcode: opcodes.close, payload: "" }]);
  });

  test("the server closes with code and reason, and sends nothing after it", async () => {
    const socket = await client();
    const closed = once(socket, "close");
    side.socket?.close(4403, "gone f\u00fcr good");
    side.socket?.close(1001, "again");
    expect(side.socket?.send("late")).toBe(false);
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4403, "gone f\u00fcr good"]);
    await until(() => side.ends === 1);
  });

  test("who asks and closes at once is answered before the close frame", async () => {
    const raw = await Raw.open();
    side.received = (message) => void side.socket?.send(`${message}!`);
    raw.socket.write(Buffer.concat([text("hello"), frame(0x88, "")]));
    await until(() => raw.closed);
    expect(raw.frames).toEqual([
      { opcode: opcodes.text, payload: "hello!" },
      { opcode: opcodes.close, payload: "" },
    ]);
  });

  test("a half-closed and a reset connection end", async () => {
    const half = await Raw.open();
    half.socket.end();
    await until(() => side.ends === 1);
    const reset = await Raw.open();
    reset.socket.resetAndDestroy();
    await until(() => side.ends === 2);
    expect(side.socket?.send("late")).toBe(false);
  });

  test("EPC-WS-08c who does not read is not read from: what it asks waits on its side, and is answered when it reads again", async () => {
    const raw = await Raw.open();
    let read = 0;
    raw.socket.removeAllListeners("data").on("data", (chunk: Buffer) => (read += chunk.length));
    raw.socket.pause();
    // As answers would: each message that comes makes one of the same size.
    side.received = (message) => {
      side.got.push(message);
      side.socket?.send(message);
    };
    const message = text("x".repeat(8000));
    let sent = 0;
    // The kernel holds some megabytes for both sides; then nothing goes any more.
    for (let before = -1; raw.socket.writableLength < 1 << 20 || side.got.length > before;) {
      before = side.got.length;
      for (let at = 0; at < 100; at += 1, sent += 1) raw.socket.write(message);
      // In each turn of the event loop whatever may be read is read.
      for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(side.got.length).toBeLessThan(sent);
    expect(side.ends).toBe(0);
    raw.socket.resume();
    await until(() => read > 8000 * sent);
    expect([side.got.length, side.ends]).toEqual([sent, 0]);
  });

  test("EPC-WS-08c a browser that does not read is given up once a megabyte waits for it", async () => {
    const raw = await Raw.open();
    raw.socket.pause();
    const message = "x".repeat(60_000);
    // Within a turn as well.
    let sent = 0;
    while (sent < 1000 && side.socket?.send(message) === true) sent += 1;
    expect(sent).toBeLessThan(1000);
    expect(await until(() => side.ends === 1)).toBe(true);
  });
});

test("the same under TLS", async () => {
  http.close();
  // A pre-shared key needs no certificate.
  const tls = { ciphers: "PSK", maxVersion: "TLSv1.2" as const };
  const psk = Buffer.alloc(16, 1);
  await serve(createHttps({ ...tls, pskCallback: () => psk }));
  // What the types of ws leave out goes on to Node's tls.
  const options: object = {
    ...tls,
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk, identity: "x" }),
  };
  const socket = new WebSocket(`wss://127.0.0.1:${port()}`, ["sip"], options);
  const answers: string[] = [];
  socket.on("message", (data: Buffer) => answers.push(data.toString("latin1")));
  await once(socket, "open");
  const message = "\u00fc".repeat(60_000);
  socket.send(Buffer.from(message, "latin1"));
  await until(() => side.got.length === 1);
  expect(side.got[0]).toBe(message);
  side.socket?.send(message);
  await until(() => answers.length === 1);
  expect(answers[0]).toBe(message);
  const closed = once(socket, "close");
  side.socket?.close(1001, "");
  expect((await closed)[0]).toBe(1001);
});
