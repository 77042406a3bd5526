import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { parseConfig, startPortal, type Portal } from "../src/index.ts";
import { good } from "./goodConfig.ts";

const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };

async function portalIn(folder: string): Promise<Portal> {
  const portal = await startPortal(
    parseConfig(good.replace("https://portal.example", "http://127.0.0.1:0"), join(folder, "portal.yaml")),
    quiet,
  );
  onTestFinished(() => portal.close());
  return portal;
}

async function newPortal(): Promise<Portal> {
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return portalIn(folder);
}

async function upgradeAt({ url }: Portal, path: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  return socket;
}

test("an upgrade to another path is refused, and its socket is not kept for a peer that never closes", async () => {
  const running = await newPortal();
  const socket = await upgradeAt(running, "/elsewhere");
  const answer: string[] = [];
  socket.setEncoding("latin1").on("data", (text: string) => answer.push(text));
  await new Promise((resolve) => socket.once("end", resolve));
  expect(answer.join("")).toMatch(/^HTTP\/1\.1 404 /);
  // This side has closed nothing: what it sends now meets a reset.
  await expect
    .poll(() => {
      socket.write("x");
      return socket.destroyed;
    })
    .toBe(true);
});

test("a peer that resets a refused upgrade does not take the portal with it", async () => {
  const running = await newPortal();
  for (let n = 0; n < 20; n += 1) (await upgradeAt(running, "/elsewhere")).resetAndDestroy();
  await expect.poll(async () => (await fetch(`${running.url}/health`)).ok).toBe(true);
});

test("requests that come while the portal starts are told to come again, and it starts all the same", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const source = good.replace("https://portal.example", `http://127.0.0.1:${port}`).replace("port: 0", `port: ${port}`);
  const { statuses } = await impatientClient(port);
  const running = await startPortal(parseConfig(source, join(folder, "portal.yaml")), quiet);
  onTestFinished(() => running.close());
  expect((await statuses).filter((status) => status !== 503)).toEqual([200]);
});

test("closing is done for everybody who waits for it", async () => {
  const running = await newPortal();
  void running.close();
  await running.close();
  await expect(fetch(`${running.url}/health`)).rejects.toThrow("fetch failed");
});

test("a portal that cannot open Mw gives its HTTP port back", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const port = await freePort();
  const source = good
    .replace("https://portal.example", `http://127.0.0.1:${port}`)
    .replace("port: 0", `port: ${port}`)
    .replace(
      "mw: { address: 127.0.0.1, port: 0",
      `mw: { address: 127.0.0.1, port: ${(taken.address() as AddressInfo).port}`,
    );
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await expect(startPortal(parseConfig(source, join(folder, "portal.yaml")), quiet)).rejects.toMatchObject({
    code: "transport/port-in-use",
  });
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow("fetch failed");
});

test("a seal key that was not written whole is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "data/seal.key"), "");
  await expect(portalIn(folder)).rejects.toThrow(/seal\.key: is no seal key; remove it/);
});

/** Below the ports that the system gives to who connects: an impatient client could come from the port it asks, and meet itself. */
async function freePort(): Promise<number> {
  const port = 20_000 + (process.pid % 12_000);
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  server.close();
  await once(server, "close");
  return port;
}

/** Asks from another thread, again and again, from before somebody listens until there was a 200. @returns all statuses */
async function impatientClient(port: number): Promise<{ statuses: Promise<number[]> }> {
  const script = `
    const { connect } = require("node:net");
    const { parentPort } = require("node:worker_threads");
    const statuses = [];
    (function ask() {
      const socket = connect(${port}, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write("GET /health HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n");
      socket.on("data", (data) => statuses.push(Number(String(data).slice(9, 12))));
      socket.on("close", () => (statuses.includes(200) ? parentPort.postMessage(statuses) : setImmediate(ask)));
    })();
    parentPort.postMessage([]);`;
  const worker = new Worker(script, { eval: true });
  onTestFinished(async () => void (await worker.terminate()));
  await once(worker, "message");
  // In an object, so that awaiting the start of the client does not await its end.
  return { statuses: once(worker, "message").then(([statuses]) => statuses as number[]) };
}
