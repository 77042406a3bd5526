import { createSocket } from "node:dgram";
import type { Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { SipRequest, createResponse } from "@portico/sip";
import type { SipError, SipMessage } from "@portico/sip";
import { afterEach, expect, test } from "vitest";
import { TransportError, openSipEndpoint, systemClock, systemRandom } from "../src/index.ts";
import type { RemoteHop, SipEndpoint, SipEndpointOptions } from "../src/index.ts";

interface Peer {
  endpoint: SipEndpoint;
  got: { message: SipMessage; hop: RemoteHop }[];
  refused: SipError[];
  closed: RemoteHop[];
}

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function open(options: Partial<SipEndpointOptions> = {}): Promise<Peer> {
  const got: Peer["got"] = [];
  const refused: SipError[] = [];
  const closed: RemoteHop[] = [];
  const endpoint = await openSipEndpoint({
    address: "127.0.0.1",
    port: 0,
    onMessage: (message, hop) => got.push({ message, hop }),
    onMalformed: (error) => refused.push(error),
    onHopClosed: (hop) => closed.push(hop),
    ...options,
  });
  cleanups.push(() => endpoint.close());
  return { endpoint, got, refused, closed };
}

async function datagramSocket(): Promise<DatagramSocket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(async () => {
    const closed = once(socket, "close");
    socket.close();
    await closed;
  });
  return socket;
}

function ping(hop: { protocol: string; sentBy: string }, extra: [string, string][] = [], text = ""): SipRequest {
  const headers: [string, string][] = [
    ["Via", `SIP/2.0/${hop.protocol} ${hop.sentBy};branch=z9hG4bK${systemRandom.token(8)}`],
    ["From", "<sip:a@ims.test>;tag=1"],
    ["To", "<sip:b@ims.test>"],
    ["Call-ID", systemRandom.token(8)],
    ["CSeq", "1 OPTIONS"],
    ...extra,
  ];
  return SipRequest.create(
    "OPTIONS",
    "sip:b@ims.test",
    headers,
    text === "" ? undefined : { type: "text/plain", text },
  );
}

test.each(["UDP", "TCP"] as const)("EPC-WS-12a carries requests and their responses over %s", async (protocol) => {
  const [a, b] = [await open(), await open()];
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port: b.endpoint.port, protocol });
  const request = ping(hop, [], "Zürich");
  expect(hop.send(request.toOctets())).toBe(true);
  await expect.poll(() => b.got).toHaveLength(1);
  const [{ message, hop: back } = { message: undefined, hop: undefined }] = b.got;
  expect(back?.protocol).toBe(protocol);
  expect(message).toBeInstanceOf(SipRequest);
  expect(message?.body).toEqual(request.body);
  back?.send(createResponse(message as SipRequest, 200, { toTag: "2" }).toOctets());
  await expect.poll(() => a.got).toHaveLength(1);
  expect(a.got[0]?.message.callId).toBe(request.callId);
});

test("EPC-WS-12b a request above 1300 octets for UDP leaves by TCP, its Via naming TCP", async () => {
  const [a, b] = [await open(), await open()];
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port: b.endpoint.port, protocol: "UDP" });
  hop.send(ping(hop, [], "x".repeat(1300)).toOctets());
  hop.send(ping(hop, [], "x".repeat(700)).toOctets());
  await expect.poll(() => b.got).toHaveLength(2);
  const protocols = b.got.map(({ message, hop: from }) => [
    from.protocol,
    message.topVia.protocol,
    message.body.length,
  ]);
  expect(protocols.toSorted(([left], [right]) => String(left).localeCompare(String(right)))).toEqual([
    ["TCP", "TCP", 1300],
    ["UDP", "UDP", 700],
  ]);
});

test("a large request falls back to UDP when the peer has no TCP; a large response never changes its way", async () => {
  const [a, b] = [await open(), await open({ tcp: false })];
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port: b.endpoint.port, protocol: "UDP" });
  const request = ping(hop, [], "x".repeat(3000));
  hop.send(request.toOctets());
  await expect.poll(() => b.got).toHaveLength(1);
  expect(b.got[0]?.message.topVia.protocol).toBe("UDP");
  const body = { type: "text/plain", text: "y".repeat(3000) };
  b.got[0]?.hop.send(createResponse(request, 200, { toTag: "2", body }).toOctets());
  await expect.poll(() => a.got).toHaveLength(1);
  expect(a.got[0]?.hop.protocol).toBe("UDP");
});

test("responses follow received and rport", async () => {
  const b = await open();
  const [client, elsewhere] = [await datagramSocket(), await datagramSocket()];
  const { port } = client.address();
  const sentBy = `host.invalid:${elsewhere.address().port}`;
  const answer = (at: number): void => {
    const got = b.got[at];
    got?.hop.send(createResponse(got.message as SipRequest, 200, { toTag: "2" }).toOctets());
  };
  const symmetric = ping({ protocol: "UDP", sentBy: `${sentBy};rport` }).toOctets();
  client.send(symmetric, b.endpoint.port, "127.0.0.1");
  await expect.poll(() => b.got).toHaveLength(1);
  expect(b.got[0]?.message.topVia.params.get("received")).toBe("127.0.0.1");
  expect(b.got[0]?.message.topVia.params.get("rport")).toBe(String(port));
  const atClient = once(client, "message");
  answer(0);
  await atClient;

  client.send(ping({ protocol: "UDP", sentBy }).toOctets(), b.endpoint.port, "127.0.0.1");
  await expect.poll(() => b.got).toHaveLength(2);
  const atSentBy = once(elsewhere, "message");
  answer(1);
  await atSentBy;
});

test("messages of one turn leave in one write", async () => {
  const chunks: string[] = [];
  const server = createServer((socket) => socket.on("data", (octets) => chunks.push(octets.toString("latin1"))));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => server.close());
  const a = await open();
  const { port } = server.address() as AddressInfo;
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port, protocol: "TCP" });
  hop.send(ping(hop).toOctets());
  await expect.poll(() => chunks).toHaveLength(1);
  for (let i = 0; i < 10; i += 1) hop.send(ping(hop).toOctets());
  await expect.poll(() => chunks.join("").match(/^OPTIONS /gm)).toHaveLength(11);
  expect(chunks).toHaveLength(2);
  await a.endpoint.close();
});

test("datagrams of one turn all leave, in their order, however many", async () => {
  const [a, b] = [await open(), await open()];
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port: b.endpoint.port, protocol: "UDP" });
  const all = Array.from({ length: 100 }, () => ping(hop));
  for (const each of all) expect(hop.send(each.toOctets())).toBe(true);
  await expect.poll(() => b.got).toHaveLength(100);
  expect(b.got.map(({ message }) => message.callId)).toEqual(all.map(({ callId }) => callId));
});

test("to port 0, where a datagram may say it is from, nothing is sent", async () => {
  const { endpoint } = await open();
  expect(endpoint.hopTo({ address: "127.0.0.1", port: 0, protocol: "UDP" }).send("SIP/2.0 200 OK")).toBe(false);
});

test("a TCP hop connects again after its peer was gone, and one hop serves a peer", async () => {
  const a = await open();
  const b = await open();
  const { port } = b.endpoint;
  const target = { address: "127.0.0.1", port, protocol: "TCP" } as const;
  const hop = a.endpoint.hopTo(target);
  expect(a.endpoint.hopTo(target)).toBe(hop);
  hop.send(ping(hop).toOctets());
  await expect.poll(() => b.got).toHaveLength(1);
  await b.endpoint.close();
  await expect.poll(() => a.closed).toEqual([hop]);
  // Nobody listens: the message is lost, the hop lives on
  expect(hop.send(ping(hop).toOctets())).toBe(true);
  await expect.poll(() => a.closed).toHaveLength(2);
  const again = await open({ port });
  expect(hop.send(ping(hop).toOctets())).toBe(true);
  await expect.poll(() => again.got).toHaveLength(1);
  // An accepted connection cannot be opened from our side again
  const back = again.got[0]?.hop;
  await a.endpoint.close();
  await expect.poll(() => again.closed).toHaveLength(1);
  expect(back?.send("x")).toBe(false);
});

test("malformed input is counted and reported, and nothing else suffers", async () => {
  const b = await open();
  const client = await datagramSocket();
  const send = (octets: string | Uint8Array): void => client.send(octets, b.endpoint.port, "127.0.0.1");
  send("\r\n\r\n");
  send("this is no SIP message at all\r\n\r\n");
  for (let i = 0; i < 50; i += 1) send(Uint8Array.from({ length: 200 }, () => Math.floor(Math.random() * 256)));
  await expect.poll(() => b.endpoint.malformed).toBe(51);
  expect(b.refused).toHaveLength(51);

  const stream = connect(b.endpoint.port, "127.0.0.1");
  stream.on("error", () => undefined);
  cleanups.push(async () => stream.destroy());
  stream.write("INVITE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n");
  stream.write(ping({ protocol: "TCP", sentBy: "127.0.0.1:9" }).toOctets());
  await expect.poll(() => b.got).toHaveLength(1);
  expect(b.endpoint.malformed).toBe(52);
  const closed = once(stream, "close");
  stream.write("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n");
  stream.resume();
  await closed;
  expect(b.endpoint.malformed).toBe(53);
  send(ping({ protocol: "UDP", sentBy: "127.0.0.1:9" }).toOctets());
  await expect.poll(() => b.got).toHaveLength(2);
});

test("a keep-alive is answered", async () => {
  const b = await open();
  const stream = connect(b.endpoint.port, "127.0.0.1");
  cleanups.push(async () => stream.destroy());
  stream.write("\r\n\r\n");
  const [pong] = (await once(stream, "data")) as [Buffer];
  expect(pong.toString()).toBe("\r\n");
});

test("a listener that throws takes no socket with it", async () => {
  const warnings: unknown[] = [];
  const warned = (warning: unknown): void => void warnings.push(warning);
  process.on("warning", warned);
  const heard: string[] = [];
  const b = await open({
    onMessage: (message) => {
      heard.push(message.callId);
      throw new Error("listener's defect");
    },
  });
  const a = await open();
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port: b.endpoint.port, protocol: "TCP" });
  hop.send(ping(hop).toOctets());
  hop.send(ping(hop).toOctets());
  await expect.poll(() => heard).toHaveLength(2);
  await expect.poll(() => warnings).toHaveLength(2);
  process.off("warning", warned);
});

test("a taken port and a foreign address are told by name", async () => {
  const a = await open();
  const taken = openSipEndpoint({ address: "127.0.0.1", port: a.endpoint.port, onMessage: () => undefined });
  await expect(taken).rejects.toMatchObject({ name: "TransportError", code: "transport/port-in-use" });
  const foreign = openSipEndpoint({ address: "203.0.113.77", port: 0, onMessage: () => undefined });
  await expect(foreign).rejects.toBeInstanceOf(TransportError);
  await expect(foreign).rejects.toMatchObject({ code: "transport/address-unavailable" });
});

test("closing sends what waits, may be repeated, and leaves dead hops", async () => {
  const [a, b] = [await open(), await open()];
  const target = { address: "127.0.0.1", port: b.endpoint.port };
  const tcp = a.endpoint.hopTo({ ...target, protocol: "TCP" });
  const udp = a.endpoint.hopTo({ ...target, protocol: "UDP" });
  tcp.send(ping(tcp).toOctets());
  await expect.poll(() => b.got).toHaveLength(1);
  tcp.send(ping(tcp).toOctets());
  udp.send(ping(udp).toOctets());
  await Promise.all([a.endpoint.close(), a.endpoint.close()]);
  await a.endpoint.close();
  await expect.poll(() => b.got).toHaveLength(3);
  expect(tcp.send("x")).toBe(false);
  expect(udp.send("x")).toBe(false);
  expect(a.endpoint.hopTo({ ...target, protocol: "TCP" }).send("x")).toBe(false);
});

test("over a connection whose peer reads, any amount goes", async () => {
  const [a, b] = [await open(), await open()];
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port: b.endpoint.port, protocol: "TCP" });
  const large = ping(hop, [], "x".repeat(60_000)).toOctets();
  for (let sent = 20; sent <= 100; sent += 20) {
    for (let i = 0; i < 20; i += 1) expect(hop.send(large)).toBe(true);
    await expect.poll(() => b.got).toHaveLength(sent);
  }
  expect(a.closed).toEqual([]);
});

test("a peer that does not read is given up", async () => {
  const server = createServer((socket) => socket.pause());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => server.close());
  const a = await open();
  const { port } = server.address() as AddressInfo;
  const hop = a.endpoint.hopTo({ address: "127.0.0.1", port, protocol: "TCP" });
  const large = ping(hop, [], "x".repeat(60_000)).toOctets();
  let sent = 0;
  while (hop.send(large) && sent < 1000) sent += 1;
  expect(sent).toBeLessThan(100);
  expect(a.endpoint.hopTo({ address: "127.0.0.1", port, protocol: "UDP" }).send(`SIP/2.0 ${"x".repeat(70_000)}`)).toBe(
    false,
  );
});

test("clock and chance of the system", async () => {
  const order: string[] = [];
  const before = systemClock.now();
  const never = systemClock.setTimer(2 ** 33, () => order.push("in three months"));
  const cancel = systemClock.setTimer(1, () => order.push("cancelled"));
  cancel();
  await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
  never();
  expect(order).toEqual([]);
  expect(systemClock.now() - before).toBeGreaterThanOrEqual(4);
  const token = systemRandom.token(5000);
  expect(token).toMatch(/^[a-z0-9]{5000}$/);
  expect(new Set(token).size).toBe(36);
});
