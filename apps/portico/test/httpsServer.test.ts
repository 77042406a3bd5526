import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request, type Server } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { expect, onTestFinished, test, vi } from "vitest";
import { createHttpsServer } from "../src/http/httpsServer.ts";
import { newFolder } from "./support/command.ts";
import { writeCertificate } from "./support/portal.ts";

async function openServer(): Promise<{ server: Server; port: number }> {
  const { cert, key } = writeCertificate(newFolder(), "portal");
  const server = createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

interface Client {
  readonly tls: TLSSocket;
  /** What it runs over. */
  readonly tcp: Socket;
}

function dial(port: number, options: { allowHalfOpen?: boolean } = {}): Client {
  const tcp = connect({ port, host: "127.0.0.1", ...options });
  const tls = connectTls({ socket: tcp, rejectUnauthorized: false });
  // How a client sees the end is its own affair.
  tcp.on("error", () => undefined);
  tls.on("error", () => undefined);
  return { tls, tcp };
}

/** Takes every connection away from HTTP once it has said something, as a WebSocket does. */
function upgrading(server: Server): Promise<TLSSocket> {
  return new Promise((resolve) => {
    server.once("upgrade", (_, socket: Duplex) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
      resolve(socket as TLSSocket);
    });
  });
}
const upgrade = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n";

/** A client and the server's side of a connection that HTTP has let go. */
async function upgraded(): Promise<{ server: Server; client: Client; taken: TLSSocket }> {
  const { server, port } = await openServer();
  const taking = upgrading(server);
  const client = dial(port);
  client.tls.write(upgrade);
  const taken = await taking;
  await once(client.tls, "data");
  return { server, client, taken };
}

/** Time stands still, so that nothing ends by itself. */
function holdTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}

const connections = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));

test("what is sent over TLS comes whole and in order, both ways, whatever its length", async () => {
  const { server, port } = await openServer();
  server.on("request", (asked, response) => asked.pipe(response));
  for (const length of [0, 1, 1023, 1024, 16_384, 65_536, 3_000_001]) {
    const sent = randomBytes(length);
    const back = await new Promise<Buffer>((resolve, reject) => {
      const asking = request({ port, host: "127.0.0.1", method: "POST", rejectUnauthorized: false }, (response) => {
        buffer(response).then(resolve, reject);
      });
      asking.once("error", reject);
      asking.end(sent);
    });
    expect(back.equals(sent), `${length} octets`).toBe(true);
  }
});

test("a handshake that comes octet by octet is done", async () => {
  const { server, port } = await openServer();
  server.on("request", (_, response) => response.end("whole"));
  const plain = connect(port, "127.0.0.1");
  plain.setNoDelay(true);
  const trickle = new Duplex({
    read: () => undefined,
    write: (octets: Buffer, _, done) => {
      const rest = [...octets];
      const next = (): void => {
        const octet = rest.shift();
        if (octet === undefined) done();
        else plain.write(Buffer.of(octet), next);
      };
      next();
    },
  });
  plain.on("data", (octets) => trickle.push(octets));
  const client = connectTls({ socket: trickle, rejectUnauthorized: false });
  client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  plain.on("end", () => trickle.push(null));
  expect((await buffer(client)).toString()).toContain("whole");
  plain.destroy();
});

test("EPC-WS-08c who reads nothing holds the other up, and loses nothing", async () => {
  const { client, taken } = await upgraded();
  const sent = randomBytes(8_000_000);
  taken.pause();
  client.tls.write(sent);
  // It stops where the buffers of both ends are full, long before the end.
  await vi.waitFor(() => expect(taken.readableLength).toBeGreaterThan(0));
  let before = -1;
  await vi.waitFor(() => {
    const now = client.tcp.bytesWritten;
    const still = now === before;
    before = now;
    expect(still).toBe(true);
  });
  expect(taken.readableLength).toBeLessThan(1_000_000);
  client.tls.end();
  expect((await buffer(taken)).equals(sent)).toBe(true);
});

test.each([
  ["reads late", () => undefined],
  ["reads late and has ended its side", ({ tls }: Client) => void tls.end()],
  ["reads late and has ended its side below TLS", ({ tcp }: Client) => void tcp.end()],
])("a client that %s gets its answer whole, and the answer is done", async (_, leave) => {
  const { server, port } = await openServer();
  const asked = once(server, "request");
  const client = dial(port, { allowHalfOpen: true });
  client.tls.pause();
  client.tls.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const [, response] = (await asked) as [IncomingMessage, ServerResponse];
  const done = once(response, "finish");
  // More than the system keeps for a connection.
  response.write(Buffer.alloc(12_000_000));
  response.end("end");
  leave(client);
  expect((await buffer(client.tls)).subarray(-10).toString()).toBe("end\r\n0\r\n\r\n");
  await done;
  await vi.waitFor(async () => expect(await connections(server)).toBe(0));
});

test.each([
  ["says that it ends", ({ tls }: Client) => void tls.end()],
  ["ends below TLS", ({ tcp }: Client) => void tcp.end()],
  ["breaks off", ({ tcp }: Client) => void tcp.resetAndDestroy()],
])("the end of a client that %s is seen, and nothing of it stays", async (_, leave) => {
  const { server, client, taken } = await upgraded();
  taken.on("error", () => undefined).resume();
  const ended = new Promise((resolve) => taken.once("end", resolve).once("close", resolve));
  leave(client);
  await ended;
  taken.end();
  await vi.waitFor(async () => expect(await connections(server)).toBe(0));
  expect(taken.destroyed).toBe(true);
});

test("a request of a client that breaks off ends, and the server goes on", async () => {
  const { server, port } = await openServer();
  const { tls, tcp } = dial(port);
  const aborted = new Promise((resolve) => {
    server.once("request", (asked) => {
      asked.once("error", resolve).resume();
      tcp.resetAndDestroy();
    });
  });
  tls.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
  expect(await aborted).toMatchObject({ code: "ECONNRESET" });
  await vi.waitFor(async () => expect(await connections(server)).toBe(0));
  server.on("request", (_, response) => response.end("on"));
  const next = dial(port).tls;
  next.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect((await buffer(next)).toString()).toContain("on");
});

test("what the server closes is closed, with what was in flight", async () => {
  const { server, client, taken } = await upgraded();
  taken.on("data", () => taken.destroy());
  const closed = new Promise((resolve) => client.tls.once("close", resolve));
  client.tls.write(randomBytes(500_000));
  await closed;
  await vi.waitFor(async () => expect(await connections(server)).toBe(0));
});

test("EPC-WS-07b a client that says nothing is let go after 15 s", async () => {
  holdTimers();
  const { server, port } = await openServer();
  const silent = connect(port, "127.0.0.1");
  await once(server, "connection");
  vi.advanceTimersByTime(14_999);
  expect(await connections(server)).toBe(1);
  vi.advanceTimersByTime(1);
  await once(silent, "close");
  expect(await connections(server)).toBe(0);
});

test("a client that says nothing, or goes without a word, holds up no close", async () => {
  const { server, port } = await openServer();
  const gone = connect(port, "127.0.0.1");
  await once(server, "connection");
  gone.end();
  await once(gone.resume(), "close");
  await vi.waitFor(async () => expect(await connections(server)).toBe(0));
  holdTimers();
  const silent = connect(port, "127.0.0.1");
  await once(server, "connection");
  const closed = once(server, "close");
  server.closeAllConnections();
  server.close();
  await Promise.all([closed, once(silent, "close")]);
});
