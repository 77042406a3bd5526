import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer, request as httpsRequest } from "node:https";
import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { acceptProxyProtocol } from "../src/http/proxiedServer.ts";
import { readProxyHeader } from "../src/http/proxyHeader.ts";
import { TrustedProxies } from "../src/http/trustedProxies.ts";
import { newFolder } from "./support/command.ts";
import { KeptLog, newPortal, writeCertificate } from "./support/portal.ts";

/** Version 2, TCP over IPv4 or IPv6 (the family octet says which), with as many octets of extensions. */
function version2(family: number, addresses: number[], extensions = 0, command = 0x21): Buffer {
  const rest = [...addresses, ...Array.from({ length: extensions }, () => 0)];
  return Buffer.from([
    ...Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"),
    command,
    family,
    rest.length >> 8,
    rest.length & 255,
    ...rest,
  ]);
}
const v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];

test("a PROXY protocol header is read in both versions, and not one octet more", () => {
  const after = Buffer.from("GET / HTTP/1.1\r\n");
  const of = (header: string | Buffer) => {
    const octets = Buffer.concat([Buffer.from(header), after]);
    // However it comes in pieces, it is told only when it is whole.
    for (let n = 0; n < Buffer.from(header).length; n += 1) {
      expect(readProxyHeader(octets.subarray(0, n))).toEqual({ state: "incomplete" });
    }
    const read = readProxyHeader(octets);
    expect(read).toMatchObject({ state: "complete", length: Buffer.from(header).length });
    return "source" in read ? read.source : undefined;
  };
  expect(of("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n")).toEqual({ address: "192.0.2.7", port: 56324 });
  expect(of("PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n")).toEqual({ address: "2001:db8::7", port: 1 });
  expect(of("PROXY UNKNOWN\r\n")).toBeUndefined();
  expect(of(version2(0x11, v4))).toEqual({ address: "192.0.2.7", port: 56324 });
  expect(of(version2(0x11, v4, 300))).toEqual({ address: "192.0.2.7", port: 56324 });
  const v6 = [
    0x20,
    1,
    0x0d,
    0xb8,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    7,
    ...Array.from({ length: 16 }, () => 0),
    0,
    9,
    1,
    187,
  ];
  expect(of(version2(0x21, v6))).toEqual({ address: "2001:db8::7", port: 9 });
  expect(of(version2(0x11, v4, 0, 0x20))).toBeUndefined();
});

const refused = (header: string | Buffer): void => expect(readProxyHeader(Buffer.from(header)).state).toBe("malformed");

test("what is no PROXY header is refused, bounded in length, whatever it is", () => {
  refused("GET / HTTP/1.1\r\n\r\n");
  refused("PROXY TCP4 192.0.2.7 10.0.0.1 56324 99999\r\n");
  refused("PROXY TCP4 2001:db8::7 10.0.0.1 1 2\r\n");
  refused("PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n");
  refused(`PROXY TCP4 ${"1".repeat(120)}`);
  refused(version2(0x11, v4, 5000));
  refused(version2(0x11, v4.slice(0, 4)));
  refused(version2(0x11, v4, 0, 0x31));
  let seed = 7;
  const chance = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < Number(process.env["PORTICO_FUZZ_RUNS"] ?? 2000); round += 1) {
    const octets = Buffer.concat([version2(0x11, v4, chance(20)), Buffer.from("rest")]);
    for (let n = chance(4); n >= 0; n -= 1) octets[chance(octets.length)] = chance(256);
    const read = readProxyHeader(octets.subarray(0, chance(octets.length + 1)));
    expect(["incomplete", "malformed", "complete"]).toContain(read.state);
  }
});

test("X-Forwarded-For is believed from trusted proxies alone, and no further than they reach", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "2001:db8::/32", "127.0.0.1"]);
  const from = (remoteAddress: string, forwarded?: string): string =>
    proxies.clientOf({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
    } as unknown as IncomingMessage);
  expect(from("192.0.2.1", "198.51.100.9")).toBe("192.0.2.1");
  expect(from("10.1.1.1", "198.51.100.9")).toBe("198.51.100.9");
  expect(from("::ffff:10.1.1.1", "198.51.100.9")).toBe("198.51.100.9");
  expect(from("10.1.1.1", "1.1.1.1, 198.51.100.9, 10.2.2.2")).toBe("198.51.100.9");
  expect(from("2001:db8::9", "2001:db9::1")).toBe("2001:db9::1");
  expect(from("10.1.1.1", "nonsense, , ")).toBe("10.1.1.1");
  expect(from("10.1.1.1")).toBe("10.1.1.1");
});

/** What a server makes of a connection that begins with these octets. */
async function told(socket: Socket, begin: string | Buffer): Promise<string> {
  socket.on("error", () => undefined);
  socket.write(begin);
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
  await new Promise((resolve) => socket.once("close", resolve));
  return answer.split("\r\n\r\n").at(-1) ?? "";
}
const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const echoAddress = (request: IncomingMessage, response: { end(text: string): void }): void =>
  response.end(request.socket.remoteAddress ?? "");

test("EPC-WS-08a behind a proxy that speaks the PROXY protocol the peer is the client, over HTTP and over HTTPS", async () => {
  const header = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n";
  const refusals: string[] = [];
  const plain = createServer(echoAddress);
  const files = writeCertificate(newFolder(), "first");
  const [cert, key] = [readFileSync(files.cert), readFileSync(files.key)];
  const secure = createTlsServer({ cert, key }, echoAddress);
  for (const server of [plain, secure]) {
    acceptProxyProtocol(server, new TrustedProxies(["127.0.0.1"]), (reason) => void refusals.push(reason));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
  }
  const { port } = plain.address() as AddressInfo;
  expect(await told(connect(port, "127.0.0.1"), header + get)).toBe("192.0.2.7");
  expect(await told(connect(port, "127.0.0.1"), Buffer.concat([version2(0x11, v4, 9), Buffer.from(get)]))).toBe(
    "192.0.2.7",
  );
  expect(await told(connect(port, "127.0.0.1"), `PROXY UNKNOWN\r\n${get}`)).toBe("127.0.0.1");
  expect(await told(connect(port, "127.0.0.1"), get)).toBe("");
  expect(refusals).toEqual(["begins with no PROXY header"]);

  // A proxy may send its header and the first octets of TLS together.
  const proxy = createTcpServer((client) => {
    const onward = connect((secure.address() as AddressInfo).port, "127.0.0.1");
    client.once("data", (hello: Buffer) => {
      onward.write(Buffer.concat([Buffer.from(header), hello]));
      client.pipe(onward).pipe(client);
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void proxy.close());
  await once(proxy, "listening");
  const through = connectTls({
    port: (proxy.address() as AddressInfo).port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
  });
  expect(await told(through, get)).toBe("192.0.2.7");
});

test("a connection that is from no trusted proxy has no header read", async () => {
  const server = createServer(echoAddress);
  acceptProxyProtocol(server, new TrustedProxies(["10.0.0.1"]), () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await told(connect(port, "127.0.0.1"), get)).toBe("127.0.0.1");
  expect(await told(connect(port, "127.0.0.1"), `PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n${get}`)).toBe("");
});

test("EPC-WS-08a W2 counts the connections of the client, not of the trusted proxy it comes through", async () => {
  const { url, epcscf } = await newPortal({
    "listen: { address: 127.0.0.1,": "listen: { address: 127.0.0.1, trustedProxies: [127.0.0.1],",
  });
  const seen = new Set<string>();
  const upgrade = epcscf.upgrade.bind(epcscf);
  epcscf.upgrade = (request, socket, head, secure) => {
    seen.add(request.socket.remoteAddress ?? "");
    upgrade(request, socket, head, secure);
  };
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const answer = await new Promise<string>((resolve) => {
    socket.once("data", (bytes) => resolve(bytes.toString("latin1")));
    socket.write(
      "GET /w2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n" +
        "Origin: https://talk.acme.example\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n",
    );
  });
  socket.destroy();
  expect(answer).toMatch(/^HTTP\/1\.1 101 /);
  expect([...seen]).toEqual(["203.0.113.5"]);
});

test("EPC-WS-02a a certificate that is renewed on disk is taken up, no connection ends, and half a renewal changes nothing", async () => {
  const folder = newFolder();
  const files = writeCertificate(folder, "first");
  const log = new KeptLog();
  const change = {
    "http://127.0.0.1:0": "https://127.0.0.1",
    "home:": `tls: { cert: "${files.cert}", key: "${files.key}" }\nhome:`,
  };
  const { url } = await newPortal(change, log);
  const port = Number(new URL(url).port);
  const nameNow = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        const { subject } = socket.getPeerCertificate();
        socket.destroy();
        resolve(String(subject.CN));
      });
      socket.once("error", reject);
    });
  const living = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await new Promise((resolve) => living.once("secureConnect", resolve));
  let ended = false;
  living.once("close", () => (ended = true));
  expect(await nameNow()).toBe("first");
  writeFileSync(files.key, "half a key");
  await expect.poll(() => log.lines.join("\n"), { timeout: 15_000 }).toContain("alarm:tls.not-renewed");
  expect(await nameNow()).toBe("first");
  writeCertificate(folder, "second");
  await expect.poll(nameNow, { timeout: 15_000 }).toBe("second");
  expect(ended).toBe(false);
  const status = new Promise((resolve) =>
    httpsRequest({ port, path: "/health", createConnection: () => living }, (response) =>
      resolve(response.statusCode),
    ).end(),
  );
  expect(await status).toBe(200);
}, 20_000);
