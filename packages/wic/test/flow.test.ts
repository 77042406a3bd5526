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

test("WIC-02b messages leave as text, those with octets that are no UTF-8 as binary", async () => {
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

test("WIC-02a a message is one frame, text or binary, and needs no Content-Length", async () => {
  const world = new World();
  const phone = await world.registered();
  const names: (string | undefined)[] = [];
  phone.on("incoming", (call) => names.push(call.remote.displayName));
  world.call({});
  await world.clock.settle(10);
  const invite = world.delivered.find((raw) => raw.startsWith("INVITE")) ?? "";
  const again = (name: string): string =>
    invite
      .replace(/Content-Length: \d+\r\n/, "")
      .replace(/^Call-ID: .*$/m, `Call-ID: ${names.length}`)
      .replace(/branch=[^;\r]+/, `branch=z9hG4bK${names.length}`)
      .replace("From: <", `From: "${name}" <`);
  world.socket.deliver(again(octets.fromText("Zoë")));
  await world.clock.settle(10);
  world.socket.deliver(again("Zo\u00eb"));
  await world.clock.settle(10);
  expect(names).toEqual([undefined, "Zoë", "Zoë"]);
  expect(phone.calls.length).toBe(3);
});

test("WIC-02c WIC-07 through registration, calls and loss nothing but SIP and CRLF is sent, each request with the token of its moment", async () => {
  const world = new World();
  world.tokenLife = 200;
  world.registerHeaders = [["Flow-Timer", "30"]];
  const phone = await world.registered();
  world.onInvite = (tx) => {
    const callee = world.agent.accept(tx, {
      ended: () => undefined,
      request: (inside) =>
        inside.reply(200, { body: { type: "application/sdp", text: world.sdp("recvonly", "passive") } }),
    });
    const contact: [string, string] = ["Contact", "<sip:session@epcscf.ims.test:443;transport=ws>"];
    callee.progress(183, {
      headers: [contact],
      body: { type: "application/sdp", text: world.sdp("sendrecv", "passive") },
      reliable: true,
    });
    if (tx.request.uri.includes("0110")) world.clock.setTimer(50, () => callee.accept({ headers: [contact] }));
  };
  const call = phone.call("+12025550110");
  await world.clock.settle(110_000);
  expect(call.state).toBe("active");
  const held = call.hold();
  await world.clock.settle(300);
  await held;
  world.socket.drop(1006);
  await world.clock.settle(2_000);
  call.hangUp();
  const other = phone.call("+12025550140");
  await world.clock.settle(300);
  other.hangUp();
  const out = phone.logOut();
  await world.clock.settle(100);
  await out;
  const requests = world.sent.flatMap(({ message }) => (message instanceof SipRequest ? message : []));
  const responses = world.sent.filter(({ message }) => !(message instanceof SipRequest));
  expect([...new Set(requests.map(({ method }) => method))].toSorted()).toEqual([
    "ACK",
    "BYE",
    "CANCEL",
    "INVITE",
    "PRACK",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
  ]);
  expect(requests.filter((request) => request.all("Authorization").length !== 1)).toEqual([]);
  expect(responses.filter(({ raw }) => raw.includes("token-"))).toEqual([]);
  expect(world.last("BYE").get("Authorization")).toBe("Bearer token-2");
  // Every frame was read by the portal as one SIP message, or was a keep-alive.
  expect(world.frames.filter((raw) => raw !== "\r\n\r\n").length).toBe(world.sent.length);
});

test("what is no SIP is dropped and harms nothing", async () => {
  const world = new World();
  const phone = await world.registered();
  for (const junk of ["", "hello", "\0\0\0", "INVITE\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "\r\n"])
    world.socket.deliver(junk);
  await world.clock.settle(10);
  expect(phone.state).toBe("registered");
  expect(world.reports).toEqual([]);
});

test("WIC-16 keep-alives go out within the Flow-Timer, and a CRLF answers them", async () => {
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

test("without Flow-Timer none is sent; a keep-alive of the portal is answered", async () => {
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
