import { SipRequest, TransactionLayer } from "@portico/sip";
import type { ServerTransaction } from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom } from "@portico/transport";
import type { SipEndpoint } from "@portico/transport";
import { afterEach, expect, test } from "vitest";
import { countTone, defaultTelephones, startLab } from "../src/index.ts";
import type { Lab, LabOptions } from "../src/index.ts";
import { TestNode, ken, mary } from "./ue.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(options: Partial<LabOptions> = {}): Promise<{ lab: Lab; node: TestNode }> {
  const lab = await startLab({ subscriptions: [mary, ken], trusted: [], ...options });
  const node = await TestNode.open(lab);
  cleanups.push(
    () => node.close(),
    () => lab.close(),
  );
  return { lab, node };
}

test("CORE-01b CORE-02 the HSS is asked UAR with IMPI, IMPU and visited network, then SAR, never MAR", async () => {
  const { lab, node } = await start();
  await node.register(mary);
  await node.register(mary);
  await node.register(mary, { expires: 0 });
  const pair = { impi: mary.impi, impu: mary.impu, result: 2001 };
  const uar = { command: "UAR", ...pair, visitedNetwork: "ims.test" };
  const sar = (assignment: string): object => ({ command: "SAR", ...pair, assignment });
  expect(lab.cx).toEqual([uar, sar("REGISTRATION"), uar, sar("RE_REGISTRATION"), uar, sar("USER_DEREGISTRATION")]);
});

test("CORE-01b a visited network without an agreement is refused", async () => {
  const { lab, node } = await start();
  const elsewhere: [string, string][] = [["P-Visited-Network-ID", '"elsewhere.example"']];
  const answer = await node.register(mary, { without: ["P-Visited-Network-ID"], extra: elsewhere });
  expect([answer.status, answer.reason]).toEqual([403, "Forbidden - Roaming Not Allowed"]);
  expect(lab.cx.map(({ result }) => result)).toEqual([5004]);
});

test("a test may have the core answer otherwise, or not at all", async () => {
  const { lab, node } = await start();
  const stop = lab.intercept((request, at) => {
    if (request.method !== "REGISTER" || at !== "S-CSCF") return undefined;
    return { status: 503, reason: "Out For Lunch", headers: [["Retry-After", "5"]] };
  });
  const refused = await node.register(mary);
  expect([refused.status, refused.reason, refused.get("Retry-After")]).toEqual([503, "Out For Lunch", "5"]);
  stop();
  expect((await node.register(mary)).status).toBe(200);
  lab.intercept(({ method }) => (method === "OPTIONS" ? "drop" : undefined));
  let answered = false;
  void node.send(node.request("OPTIONS", "tel:+12025550110", mary)).then(() => (answered = true));
  await expect.poll(() => lab.wire.find("OPTIONS ", "S-CSCF", "in")).toHaveLength(1);
  expect((await node.send(node.request("MESSAGE", "tel:+12025550110", mary))).status).toBe(405);
  expect(answered).toBe(false);
});

test("early media: a reliable answer before the 200, which repeats no answer", async () => {
  const tone = { frequency: 1000, onMs: 5000, offMs: 0 };
  const telephone = { number: "+12025550120", behaviour: { does: "play", tone, early: true } } as const;
  const { lab, node } = await start({ telephones: [telephone] });
  await node.register(mary);
  const { call } = await node.call(mary, "tel:+12025550120");
  await expect.poll(() => countTone(call.heard(), 1000)).toBeGreaterThan(2);
  expect(call.state).toBe("ringing");
  expect(await call.connected).toBe(true);
  expect(lab.wire.find("SIP/2.0 183", "telephones", "out")[0]?.octets).toMatch(/RSeq: \d+[^]*m=audio/);
  expect(lab.wire.find("PRACK ", "telephones", "in")).toHaveLength(1);
  expect(lab.wire.find("SIP/2.0 200 OK", "telephones", "out").at(-1)?.octets).not.toContain("m=audio");
  expect(lab.violations).toEqual([]);
});

test("a node that speaks UDP alone registers, calls and is called", async () => {
  const { lab, node } = await start();
  node.protocol = "UDP";
  expect((await node.register(mary)).status).toBe(200);
  const { call } = await node.call(mary, "tel:+12025550110");
  expect(await call.connected).toBe(true);
  call.hangUp();
  expect(await lab.telephones.calls[0]?.ended).toEqual({ by: "peer" });
  node.onInvite = (tx) => tx.reply(486);
  expect(await (await lab.dial({ from: "+12025550110", to: mary.impu })).ended).toMatchObject({ status: 486 });
  expect(new Set(lab.wire.find("INVITE ", "S-CSCF", "in").map(({ protocol }) => protocol))).toContain("UDP");
  expect(lab.violations).toEqual([]);
});

test("Max-Forwards that is used up ends a loop", async () => {
  const { node } = await start();
  await node.register(mary);
  const request = node.request("OPTIONS", "tel:+12025550110", mary, [["Max-Forwards", "0"]]);
  expect((await node.send(request)).status).toBe(483);
});

test("several labs run side by side, and a number may belong to any of them", async () => {
  const [first, second] = [await start(), await start({ telephones: [...defaultTelephones].slice(0, 1) })];
  expect(first.lab.icscf.port).not.toBe(second.lab.icscf.port);
  await second.node.register(mary);
  const { call } = await second.node.call(mary, "tel:+12025550120");
  expect(await call.ended).toMatchObject({ status: 404 });
});

/** An application server that is a proxy: it notes what passes and sends it back along Route. */
async function openServer(): Promise<{ endpoint: SipEndpoint; seen: SipRequest[]; close(): Promise<void> }> {
  const seen: SipRequest[] = [];
  const proxy = (tx: ServerTransaction): void => {
    seen.push(tx.request);
    if (tx.request.method === "REGISTER") {
      tx.reply(200);
      return;
    }
    const copy = tx.request.clone().removeFirst("Route");
    const [, address = "", port] = /@([\d.]+):(\d+)/.exec(copy.get("Route") ?? "") ?? [];
    const hop = endpoint.hopTo({ address, port: Number(port), protocol: "TCP" });
    layer.request(copy, hop, {
      response: (response) => tx.respond(response.clone().removeFirst("Via")),
      failed: () => tx.reply(503),
    });
  };
  const layer = new TransactionLayer({ clock: systemClock, random: systemRandom, onRequest: proxy });
  const endpoint = await openSipEndpoint({
    address: "127.0.0.1",
    port: 0,
    onMessage: (message, hop) => layer.receive(message, hop),
  });
  const close = async (): Promise<void> => {
    layer.close();
    await endpoint.close();
  };
  return { endpoint, seen, close };
}

test("CORE-11c an application server learns of registrations and sees calls of both sides", async () => {
  const server = await openServer();
  cleanups.push(() => server.close());
  const { lab, node } = await start({ applicationServer: `sip:127.0.0.1:${server.endpoint.port}` });
  await node.register(mary, { expires: 100 });
  await expect.poll(() => server.seen).toHaveLength(1);
  const [third] = server.seen;
  expect([third?.method, third?.to.uri, third?.get("Expires")]).toEqual(["REGISTER", mary.impu, "100"]);
  expect(third?.from.uri).toBe(`sip:127.0.0.1:${lab.scscf.port}`);
  const { call } = await node.call(mary, "tel:+12025550110");
  expect(await call.connected).toBe(true);
  expect(server.seen[1]?.get("P-Served-User")).toBe(`<${mary.impu}>;sescase=orig;regstate=reg`);
  call.hangUp();
  expect(await lab.telephones.calls[0]?.ended).toEqual({ by: "peer" });
  node.onInvite = (tx) => tx.reply(486);
  await (
    await lab.dial({ from: "+12025550110", to: mary.impu })
  ).ended;
  expect(server.seen[2]?.get("P-Served-User")).toBe(`<${mary.impu}>;sescase=term;regstate=reg`);
  expect(node.requests.at(-1)?.request.has("P-Served-User")).toBe(false);
  await node.register(mary, { expires: 0 });
  await expect.poll(() => server.seen.at(-1)?.get("Expires")).toBe("0");
  expect(lab.violations).toEqual([]);
});
