import { createConnection } from "node:net";
import { request as httpRequest } from "node:http";
import { VirtualClock } from "@portico/sip/testing";
import { SipResponse } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { registered, ring } from "./support/call.ts";
import { impu, openRig, site, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

/** HTTP status of a WebSocket handshake with these headers. */
function handshake(headers: Record<string, string>): Promise<{ status: number; protocol: string | undefined }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; protocol: string | undefined }>();
  const request = httpRequest(rig.url.replace("ws:", "http:"), {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });
  const done = (status = 0, protocol?: string): void => resolve({ status, protocol });
  request.on("response", ({ statusCode }) => done(statusCode));
  request.on("upgrade", ({ statusCode, headers: answer }, socket) => {
    socket.destroy();
    done(statusCode, answer["sec-websocket-protocol"]);
  });
  request.on("error", reject);
  request.end();
  return promise;
}

describe("handshake", () => {
  test("EPC-WS-01a sip among the subprotocols: 101 with sip", async () => {
    const accepted = { status: 101, protocol: "sip" };
    expect(await handshake({ Origin: site, "Sec-WebSocket-Protocol": "sip" })).toEqual(accepted);
    expect(await handshake({ Origin: site, "Sec-WebSocket-Protocol": "msrp, sip" })).toEqual(accepted);
  });

  test("EPC-WS-01b without sip: 4xx", async () => {
    for (const headers of [{ Origin: site }, { Origin: site, "Sec-WebSocket-Protocol": "msrp" }]) {
      expect((await handshake(headers)).status).toBe(400);
    }
  });

  test("EPC-WS-03a EPC-WS-03c a foreign Origin or none: 403", async () => {
    for (const origin of ["https://evil.example", `${site}.evil.example`, "null"]) {
      expect((await handshake({ Origin: origin, "Sec-WebSocket-Protocol": "sip" })).status).toBe(403);
    }
    expect((await handshake({ "Sec-WebSocket-Protocol": "sip" })).status).toBe(403);
    expect(rig.node.counts.flows).toBe(0);
  });

  test("a client that is gone before its refusal costs nothing", async () => {
    const { port } = new URL(rig.url);
    for (let at = 0; at < 20; at += 1) {
      const socket = createConnection(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write("GET /w2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.resetAndDestroy();
    }
    expect((await handshake({ Origin: site })).status).toBe(400);
  });
});

const options = (browser: Browser): string =>
  [
    "OPTIONS sip:ims.test SIP/2.0",
    `Via: SIP/2.0/WSS ${browser.sentBy};branch=z9hG4bK${Math.random().toString(36).slice(2)}`,
    "Max-Forwards: 70",
    `From: <${impu}>;tag=x`,
    `To: <${impu}>`,
    `Call-ID: ${Math.random()}`,
    "CSeq: 1 OPTIONS",
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");

const answers = (browser: Browser): number => browser.got.filter((message) => message instanceof SipResponse).length;

describe("frames", () => {
  test("EPC-WS-04a EPC-WS-04c text, binary and fragmented messages are one message each", async () => {
    const browser = await rig.connect();
    const message = options(browser);
    browser.socket.send(message);
    await until(() => answers(browser) === 1);
    browser.socket.send(Buffer.from(options(browser)), { binary: true });
    await until(() => answers(browser) === 2);
    const fragmented = options(browser);
    browser.socket.send(fragmented.slice(0, 40), { fin: false });
    browser.socket.send(fragmented.slice(40, 90), { fin: false });
    browser.socket.send(fragmented.slice(90), { fin: true });
    await until(() => answers(browser) === 3);
    expect(browser.raw.every(({ binary }) => !binary)).toBe(true);
  });

  test("EPC-WS-04b a message above 64 KiB: close 1009", async () => {
    const browser = await rig.connect();
    browser.socket.send("x".repeat(65_537));
    expect((await browser.closed).code).toBe(1009);
    await until(() => rig.node.counts.flows === 0);
  });

  test("EPC-WS-04d what is no SIP at all closes, what can be answered gets 400", async () => {
    const garbage = await rig.connect();
    garbage.socket.send("GET / HTTP/1.1\r\n\r\n");
    expect((await garbage.closed).code).toBe(1007);
    const nearly = await rig.connect();
    nearly.socket.send(options(nearly).replace("Max-Forwards: 70", "Max-Forwards: many"));
    const response = await until(() => nearly.got[0]);
    expect(response).toMatchObject({ status: 400 });
    expect(nearly.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("EPC-WS-06b a double CRLF is answered by a CRLF", async () => {
    const browser = await rig.connect();
    browser.socket.send("\r\n\r\n");
    expect((await until(() => browser.raw[0])).octets).toBe("\r\n");
  });

  test("EPC-WS-05b EPC-WS-05c responses come back on the same socket, without received", async () => {
    const [first, second] = [await rig.connect(), await rig.connect()];
    first.socket.send(options(first));
    const [response] = [await until(() => first.got[0])];
    expect(response.topVia.params.has("received")).toBe(false);
    expect(second.got).toHaveLength(0);
  });

  test("EPC-WS-07a requests before REGISTER: 403, with or without a token", async () => {
    const browser = await rig.connect();
    const bearer: [string, string] = ["Authorization", `Bearer ${await rig.token()}`];
    for (const method of ["MESSAGE", "SUBSCRIBE", "OPTIONS", "INVITE"]) {
      expect((await browser.request(method, "sip:u0043@acme.ims.test", [])).status).toBe(403);
      expect((await browser.request(method, "sip:u0043@acme.ims.test", [bearer])).status).toBe(403);
    }
    expect(rig.core.got).toHaveLength(0);
  });

  test("EPC-WS-08b more messages than allowed: 503 with Retry-After, the socket stays", async () => {
    const browser = await rig.connect();
    for (let at = 0; at < 80; at += 1) browser.socket.send(options(browser));
    await until(() => answers(browser) === 80);
    const excess = browser.got.filter((message) => message instanceof SipResponse && message.status === 503);
    expect(excess.length).toBeGreaterThan(10);
    expect(excess[0]?.get("Retry-After")).toBe("5");
    expect(excess[0]?.toTag).toBeDefined();
    expect(browser.socket.readyState).toBe(WebSocket.OPEN);
  });
});

async function timed(run: (slow: Rig, clock: VirtualClock) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const slow = await openRig({ clock });
  try {
    await run(slow, clock);
  } finally {
    await slow.close();
  }
}

describe("time", () => {
  test("EPC-WS-06a a socket that answers no ping is closed, one that does stays", () =>
    timed(async (slow, clock) => {
      const lively = await slow.connect();
      await lively.register(await slow.token());
      const dead = await slow.connect();
      await dead.register(await slow.token({ impu }), { contact: "<sip:u0042@other.invalid;transport=ws>" });
      dead.socket.pong = () => undefined;
      const pinged = new Promise((resolve) => lively.socket.once("ping", resolve));
      // ws answers pings by itself unless told otherwise.
      Object.assign(dead.socket, { _autoPong: false });
      clock.advance(25_000);
      await pinged;
      await heard(lively);
      clock.advance(25_000);
      expect((await dead.closed).code).toBe(1006);
      await until(() => slow.node.counts.flows === 1);
      expect(lively.socket.readyState).toBe(WebSocket.OPEN);
    }));

  test("EPC-WS-07b a socket that does not register is closed", () =>
    timed(async (slow, clock) => {
      const idle = await slow.connect();
      const busy = await slow.connect();
      await busy.register(await slow.token());
      clock.advance(20_000);
      expect(slow.node.counts.flows).toBe(2);
      clock.advance(15_000);
      expect((await idle.closed).code).toBe(1008);
      expect(slow.node.counts.registrations).toBe(1);
    }));

  test("EPC-WS-05a EPC-WS-13 nothing is sent twice on W2; Timer B of 128 s ends what stays without an answer", () =>
    timed(async (slow, clock) => {
      const browser = await registered(slow);
      // A page that hangs: its WebSocket lives, its SIP does not.
      browser.socket.removeAllListeners("message");
      const frames: string[] = [];
      browser.socket.on("message", (bytes: Buffer) => void frames.push(bytes.toString()));
      const invites = (): number => frames.filter((text) => text.startsWith("INVITE")).length;
      const far = ring(slow);
      await until(() => invites() === 1);
      for (let at = 0; at < 12; at += 1) {
        clock.advance(10_000);
        const before = frames.length;
        browser.socket.send("\r\n\r\n");
        await until(() => frames.length > before);
      }
      expect(far.rejected).toBeUndefined();
      clock.advance(8000);
      expect((await until(() => far.rejected)).status).toBe(480);
      expect(invites()).toBe(1);
      expect(slow.node.counts.sessions).toBe(0);
    }));
});

/** Returns when the node has read all that the browser has sent so far, pongs included. */
async function heard(browser: Browser): Promise<void> {
  const before = browser.raw.length;
  browser.socket.send("\r\n\r\n");
  await until(() => browser.raw.length > before);
}
