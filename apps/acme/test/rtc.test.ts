import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parsePageMessage } from "../src/rtc/parsePageMessage.ts";
import { RtcPage } from "./support/rtcPage.ts";
import { password, startTestAcme, type TestAcme } from "./support/testAcme.ts";
import { Visitor } from "./support/visitor.ts";

let site: TestAcme;
const visitors = new Map<string, Visitor>();
const open: RtcPage[] = [];

beforeAll(async () => {
  site = await startTestAcme();
  for (const username of ["mary", "ken", "olivia"]) {
    const visitor = new Visitor(site.acme.url);
    await visitor.signIn(username, password);
    visitors.set(username, visitor);
  }
}, 30_000);

afterEach(async () => {
  for (const each of open.splice(0)) {
    each.close();
    await each.closed;
  }
});

afterAll(async () => {
  await site.close();
});

const cookieOf = (username: string): string => visitors.get(username)?.cookieHeader ?? "";

async function page(username: string, tab?: string): Promise<RtcPage> {
  const opened = await RtcPage.open(site.acme.url, cookieOf(username), tab);
  open.push(opened);
  return opened;
}

/** Mary calls Ken. */
async function ringing(kens = 1): Promise<{ call: string; mary: RtcPage; ken: RtcPage[] }> {
  const mary = await page("mary");
  const ken = [];
  for (let count = 0; count < kens; count += 1) ken.push(await page("ken"));
  const call = crypto.randomUUID();
  mary.send({ type: "call", call, to: "ken", sdp: "v=0 offer" });
  for (const each of ken) {
    expect(await each.next("incoming")).toEqual({
      type: "incoming",
      call,
      from: { id: "mary", name: "Mary Jones" },
      sdp: "v=0 offer",
    });
    each.send({ type: "ringing", call });
    await mary.next("ringing");
  }
  return { call, mary, ken };
}

const first = ([one]: RtcPage[]): RtcPage => one as RtcPage;

test("signalling is for signed-in pages of this site alone", async () => {
  const url = site.acme.url;
  await expect(RtcPage.open(url, "")).rejects.toThrow("401");
  await expect(RtcPage.open(url, cookieOf("mary"), undefined, "https://evil.example")).rejects.toThrow("403");
  await expect(RtcPage.open(url, cookieOf("mary"), "no-uuid")).rejects.toThrow("400");
});

test("WWSF-12a presence: who comes, goes and talks is told to everybody who is there", async () => {
  const mary = await page("mary");
  const ken = await page("ken");
  await mary.presence("ken", "online");
  const directory = await visitors.get("mary")?.fetch("/api/directory");
  const answer = (await directory?.json()) as { colleagues: { id: string; presence: string }[] } | undefined;
  expect(answer?.colleagues).toContainEqual(expect.objectContaining({ id: "ken", presence: "online" }));
  ken.send({ type: "status", busy: true });
  await mary.presence("ken", "busy");
  ken.send({ type: "status", busy: false });
  await mary.presence("ken", "online");
  ken.close();
  await mary.presence("ken", "offline");
});

test("WWSF-13 who gets a number shows with it at once in the pages of the others", async () => {
  const mary = await page("mary");
  await visitors.get("mary")?.fetch("/api/directory");
  await visitors.get("olivia")?.fetch("/api/ims-session");
  await mary.next("directory");
  const directory = await visitors.get("mary")?.fetch("/api/directory");
  const answer = (await directory?.json()) as { colleagues: unknown[] } | undefined;
  expect(answer?.colleagues).toContainEqual(expect.objectContaining({ id: "olivia", tel: "+12125550100" }));
  site.waf.asked.length = 0;
});

test("WWSF-12b offer, answer and candidates go from page to page, and the operator is asked nothing", async () => {
  const { call, mary, ken } = await ringing();
  const candidate = { candidate: "candidate:1 1 udp 1 10.0.0.1 9 typ host", sdpMid: "0", sdpMLineIndex: 0 };
  mary.send({ type: "candidate", call, candidate });
  expect(await first(ken).next("candidate")).toEqual({ type: "candidate", call, candidate });
  first(ken).send({ type: "answer", call, sdp: "v=0 answer" });
  expect(await mary.next("answered")).toEqual({ type: "answered", call, sdp: "v=0 answer" });
  first(ken).send({ type: "candidate", call, candidate: null });
  expect(await mary.next("candidate")).toEqual({ type: "candidate", call, candidate: null });
  first(ken).send({ type: "hangup", call, reason: "hangup" });
  expect(await mary.next("ended")).toMatchObject({ reason: "hangup" });
  expect(site.waf.asked.filter(({ path }) => path === "token")).toEqual([]);
});

test("of several tabs one answers, the others are told that it was answered elsewhere", async () => {
  const { call, mary, ken } = await ringing(3);
  ken[1]?.send({ type: "answer", call, sdp: "v=0" });
  await mary.next("answered");
  for (const other of [ken[0], ken[2]])
    expect(await other?.next("ended")).toMatchObject({ reason: "answered-elsewhere" });
  ken[0]?.send({ type: "answer", call, sdp: "late" });
  expect(await ken[0]?.next("ended")).toMatchObject({ reason: "answered-elsewhere" });
  expect(mary.heard.filter(({ type }) => type === "answered")).toEqual([]);
});

test("one tab declines for all; a tab that is busy leaves the others ringing", async () => {
  const declined = await ringing(2);
  declined.ken[0]?.send({ type: "decline", call: declined.call });
  expect(await declined.mary.next("ended")).toMatchObject({ reason: "declined" });
  expect(await declined.ken[1]?.next("ended")).toMatchObject({ reason: "declined" });
  for (const each of open.splice(0)) {
    each.close();
    await each.closed;
  }
  const busy = await ringing(2);
  busy.ken[0]?.send({ type: "busy", call: busy.call });
  busy.ken[1]?.send({ type: "answer", call: busy.call, sdp: "v=0" });
  await busy.mary.next("answered");
});

test("who is on any call is busy to a third; who is not there, or is herself, is unreachable", async () => {
  const { mary } = await ringing();
  const olivia = await page("olivia");
  const attempt = async (to: string): Promise<string> => {
    const call = crypto.randomUUID();
    olivia.send({ type: "call", call, to, sdp: "v=0" });
    return (await olivia.next("ended")).reason;
  };
  expect(await attempt("mary")).toBe("busy");
  expect(await attempt("olivia")).toBe("unreachable");
  expect(await attempt("nobody")).toBe("unreachable");
  const second = crypto.randomUUID();
  mary.send({ type: "call", call: second, to: "olivia", sdp: "v=0" });
  expect((await mary.next("ended")).reason, "one call at a time").toBe("failed");
});

test("a caller who goes away stops the ringing; a called one who goes away is told as unreachable", async () => {
  const gone = await ringing();
  gone.mary.close();
  expect(await first(gone.ken).next("ended")).toMatchObject({ reason: "left" });
  const away = await ringing();
  // The page of the first part is still there: it too rings.
  await first(gone.ken).next("incoming");
  first(away.ken).close();
  first(gone.ken).close();
  expect(await away.mary.next("ended")).toMatchObject({ reason: "unreachable" });
});

test("a call outlives a cut socket: the same page comes back and hears what it missed", async () => {
  const tab = crypto.randomUUID();
  const mary = await page("mary");
  const ken = await page("ken", tab);
  const call = crypto.randomUUID();
  mary.send({ type: "call", call, to: "ken", sdp: "v=0" });
  await ken.next("incoming");
  ken.send({ type: "answer", call, sdp: "v=0" });
  await mary.next("answered");
  ken.cut();
  await ken.closed;
  mary.send({ type: "candidate", call, candidate: null });
  mary.send({ type: "ping" });
  await mary.next("pong");
  const back = await page("ken", tab);
  expect(await back.next("candidate")).toEqual({ type: "candidate", call, candidate: null });
  back.send({ type: "hangup", call, reason: "hangup" });
  expect(await mary.next("ended")).toMatchObject({ reason: "hangup" });
});

test("a tab's name is worth nothing in another session", async () => {
  const tab = crypto.randomUUID();
  const mary = await page("mary", tab);
  const call = crypto.randomUUID();
  const ken = await page("ken");
  mary.send({ type: "call", call, to: "ken", sdp: "v=0" });
  await ken.next("incoming");
  const olivia = await page("olivia", tab);
  expect(await ken.next("ended")).toMatchObject({ reason: "left" });
  expect(olivia.heard).not.toContainEqual(expect.objectContaining({ type: "ended" }));
});

test("who has no part in a call can neither end nor answer it, nor listen", async () => {
  const { call, mary, ken } = await ringing();
  const olivia = await page("olivia");
  for (const reason of ["hangup", "moved"] as const) olivia.send({ type: "hangup", call, reason });
  olivia.send({ type: "decline", call });
  olivia.send({ type: "answer", call, sdp: "mine" });
  mary.send({ type: "candidate", call, candidate: null });
  await first(ken).next("candidate");
  first(ken).send({ type: "answer", call, sdp: "v=0" });
  expect(await mary.next("answered")).toMatchObject({ sdp: "v=0" });
  expect(olivia.heard.filter(({ type }) => type === "candidate" || type === "answered")).toEqual([]);
});

test("signing out closes the session's pages at once", async () => {
  const visitor = new Visitor(site.acme.url);
  await visitor.signIn("olivia", password);
  const olivia = await RtcPage.open(site.acme.url, visitor.cookieHeader);
  await visitor.post("/api/logout");
  expect(await olivia.closed).toBe(4401);
});

test("too much, too large, binary and nonsense close the socket, and nothing else", async () => {
  const nonsense: (string | Buffer)[] = ["{", "[]", '{"type":"call"}', Buffer.from([1, 2, 3])];
  for (const sent of nonsense) {
    const mary = await page("mary");
    mary.sendRaw(sent);
    expect(await mary.closed).toBe(4429);
  }
  const large = await page("mary");
  large.sendRaw(JSON.stringify({ type: "ping", padding: "x".repeat(40_000) }));
  expect(await large.closed).toBe(1009);
  const fast = await page("mary");
  for (let count = 0; count < 200; count += 1) fast.send({ type: "ping" });
  expect(await fast.closed).toBe(4429);
  await page("mary");
});

const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

test("no frame makes the parser throw, and what it lets through has the protocol's form", () => {
  const values = [null, 1, true, "", "x", "ringing", [], {}, crypto.randomUUID(), { candidate: "c" }];
  const types = [
    "ping",
    "status",
    "call",
    "ringing",
    "answer",
    "candidate",
    "decline",
    "busy",
    "hangup",
    "renew",
    "zap",
  ];
  const keys = ["call", "to", "sdp", "busy", "reason", "candidate"];
  for (let round = 0; round < 5000; round += 1) {
    const message = Object.fromEntries(keys.map((key) => [key, pick(values)]));
    const text = JSON.stringify({ type: pick(types), ...message });
    const parsed = parsePageMessage(round % 3 === 0 ? text.slice(0, Math.random() * text.length) : text);
    const wellFormed =
      parsed === undefined ||
      (types.includes(parsed.type) &&
        (parsed.type !== "call" || (typeof parsed.to === "string" && typeof parsed.sdp === "string")) &&
        (parsed.type !== "status" || typeof parsed.busy === "boolean") &&
        (!("call" in parsed) || parsed.call.length === 36));
    expect(wellFormed).toBe(true);
  }
});

test("a refused WebSocket is not kept for a peer that never closes", async () => {
  const { hostname, port } = new URL(site.acme.url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }).setEncoding("latin1");
  socket.on("error", () => undefined);
  const answer: string[] = [];
  socket.on("data", (text: string) => answer.push(text));
  socket.write(`GET /rtc HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  await once(socket, "end");
  expect(answer.join("")).toMatch(/^HTTP\/1\.1 403 /);
  // This side has closed nothing: what it sends now meets a reset.
  await expect
    .poll(() => {
      socket.write("x");
      return socket.destroyed;
    })
    .toBe(true);
});
