import { octets, SipRequest } from "@portico/sip";
import { expect, test } from "vitest";
import { World } from "./world.ts";

test("WIC-01a the socket asks for the subprotocol sip, and another answer is no connection", async () => {
  const world = new World();
  world.handshake = () => (world.sockets.length === 1 ? "" : "sip");
  const phone = world.client();
  void phone.start();
  await world.clock.settle(20);
  expect(world.sockets[0]?.asked).toBe("sip");
  expect(world.states.at(-1)).toEqual(["connecting", "wic/no-sip"]);
  expect(world.requests("REGISTER")).toEqual([]);
});

test.each(["ws://epcscf.ims.test/w2", "http://localhost/w2", "ws://localhost.evil.test/w2", "nonsense"])(
  "WIC-01b %s is refused for good",
  async (url) => {
    const world = new World();
    world.tokens = () => Promise.resolve({ wss: [url] });
    const phone = world.client();
    await expect(phone.start()).rejects.toMatchObject({ code: "wic/insecure-url", fatal: true });
    expect(world.sockets).toEqual([]);
  },
);

test.each(["ws://localhost:8090/w2", "ws://127.0.0.1:8090/w2", "wss://epcscf.ims.test/w2"])(
  "WIC-01b %s is taken",
  async (url) => {
    const world = new World();
    world.tokens = () => Promise.resolve({ wss: [url] });
    await world.registered();
    expect(world.socket.url).toBe(url);
    expect(world.last("REGISTER").topVia.protocol).toBe(url.startsWith("ws:") ? "WS" : "WSS");
  },
);

test("WIC-02a messages leave as text, those with octets that are no UTF-8 as binary", async () => {
  const world = new World();
  await world.registered();
  expect(new Set(world.socket.kinds)).toEqual(new Set(["text"]));
  const options = SipRequest.create("OPTIONS", "sip:x.invalid", [
    ["Max-Forwards", "70"],
    ["From", "<sip:a@ims.test>;tag=1"],
    ["To", "<sip:b@ims.test>"],
    ["Call-ID", "caf\u00e9"],
    ["CSeq", "1 OPTIONS"],
  ]);
  // A Latin-1 octet in Call-ID comes back in the response as it was.
  const raw = options.toOctets().replace(octets.fromText("caf\u00e9"), "caf\u00e9");
  world.socket.deliver(
    raw.replace(
      "OPTIONS sip:x.invalid SIP/2.0\r\n",
      "OPTIONS sip:x.invalid SIP/2.0\r\nVia: SIP/2.0/WSS e.invalid;branch=z9hG4bKx\r\n",
    ),
  );
  await world.clock.settle(10);
  expect(world.socket.kinds.at(-1)).toBe("binary");
  expect(world.sent.at(-1)?.raw).toContain("caf\u00e9");
});

test("WIC-02b what is no SIP is dropped and harms nothing", async () => {
  const world = new World();
  const phone = await world.registered();
  for (const junk of ["", "hello", "\0\0\0", "INVITE\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "\r\n"])
    world.socket.deliver(junk);
  await world.clock.settle(10);
  expect(phone.state).toBe("registered");
  expect(world.reports).toEqual([]);
});

test("WIC-16a keep-alives go out within the Flow-Timer, and a CRLF answers them", async () => {
  const world = new World();
  world.registerHeaders = [["Flow-Timer", "120"]];
  const phone = await world.registered();
  await world.clock.settle(290_000);
  expect(world.pings.length).toBeGreaterThanOrEqual(2);
  const gaps = world.pings.map((at, n) => at - (world.pings[n - 1] ?? 0));
  for (const gap of gaps) {
    expect(gap).toBeGreaterThanOrEqual(96_000);
    expect(gap).toBeLessThanOrEqual(120_200);
  }
  expect(phone.state).toBe("registered");
  expect(world.sockets.length).toBe(1);
});

test("WIC-16b without Flow-Timer none is sent; a keep-alive of the portal is answered", async () => {
  const world = new World();
  await world.registered();
  const frames: string[] = [];
  const before = world.socket.onFrame;
  world.socket.onFrame = (raw) => (raw === "\r\n" ? frames.push(raw) : before(raw));
  world.socket.deliver("\r\n\r\n");
  await world.clock.settle(200_000);
  expect(frames).toEqual(["\r\n"]);
  expect(world.pings).toEqual([]);
});

test("WIC-15c a keep-alive without an answer for 10 s is a dead flow", async () => {
  const world = new World();
  world.registerHeaders = [["Flow-Timer", "60"]];
  const phone = await world.registered();
  world.answersPings = false;
  await world.clock.settle(60_000);
  const asked = world.pings[0] ?? 0;
  await world.clock.settle(Math.max(0, asked + 9_900 - world.clock.now()));
  expect(phone.state).toBe("registered");
  world.answersPings = true;
  await world.clock.settle(200);
  expect(world.states.at(-1)).toEqual(["reconnecting", "wic/connection-silent"]);
  expect(world.sockets[0]?.closedByPage).toBe(1000);
  await world.clock.settle(2_000);
  expect(phone.state).toBe("registered");
  expect(world.sockets.length).toBe(2);
});
