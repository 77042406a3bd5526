import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { call, registration, Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 60_000 });

interface Event {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A reader of the stream. */
class Reader {
  readonly #response: Response;
  readonly #leaving: AbortController;
  readonly events: Event[] = [];
  beats = 0;
  ended = false;

  private constructor(response: Response, leaving: AbortController) {
    this.#response = response;
    this.#leaving = leaving;
    void this.#read();
  }

  static async open(rig: Rig, o: { key?: string; query?: string; after?: string } = {}): Promise<Reader> {
    const leaving = new AbortController();
    const authorization = `Bearer ${o.key ?? rig.operator}`;
    const headers = { authorization, ...(o.after === undefined ? {} : { "last-event-id": o.after }) };
    const response = await fetch(`${rig.url}/admin/v1/events${o.query ?? ""}`, { headers, signal: leaving.signal });
    if (!response.ok) throw new Error(await response.text());
    const reader = new Reader(response, leaving);
    onTestFinished(() => reader.leave());
    return reader;
  }

  get type(): string | null {
    return this.#response.headers.get("content-type");
  }

  leave(): void {
    this.#leaving.abort();
  }

  async #read(): Promise<void> {
    let text = "";
    try {
      for await (const bytes of this.#response.body ?? []) {
        text += Buffer.from(bytes as Uint8Array).toString();
        const blocks = text.split("\n\n");
        text = blocks.pop() ?? "";
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // It left.
    }
    this.ended = true;
  }

  #take(block: string): void {
    if (block === ":") this.beats += 1;
    const fields = Object.fromEntries(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    const { id = "", event, data = "{}" } = fields;
    if (event !== undefined) this.events.push({ id, type: event, data: JSON.parse(data) });
  }
}

const told = (rig: Rig, id: string, tenant: string): void =>
  rig.node.tell({ type: "registration", change: "registered", registration: registration(id, tenant) });
const ids = ({ events }: Reader): unknown[] => events.map(({ data }) => data["id"]);

test("ADM-06a registrations, calls, alarms and audit are told as they happen, with a beat between", async () => {
  const rig = await Rig.open({ streams: { beat: 20 } });
  const reader = await Reader.open(rig);
  expect(reader.type).toBe("text/event-stream; charset=utf-8");
  told(rig, "r1", "acme");
  rig.node.tell({ type: "session", change: "answered", session: call("c1", "acme") });
  rig.node.tell({ type: "alarm", alarm: "core.unreachable", facts: { address: "192.0.2.1" } });
  await rig.ask("POST", "/tenants/acme/suspend", { body: {} });
  await expect.poll(() => reader.events.length).toBeGreaterThanOrEqual(4);
  expect(reader.events).toMatchObject([
    { type: "registration", data: { change: "registered", id: "r1", tenant: "acme" } },
    { type: "session", data: { change: "answered", id: "c1" } },
    { type: "alarm", data: { alarm: "core.unreachable" } },
    { type: "audit", data: { action: "admin.suspendTenant", tenant: "acme" } },
  ]);
  expect(JSON.stringify(reader.events)).not.toContain("u0001.acme@ims.test");
  await expect.poll(() => reader.beats).toBeGreaterThan(1);
});

test("a tenant hears of its own alone, and not of the operator's alarms; types can be chosen", async () => {
  const rig = await Rig.open();
  const key = await rig.keyOf("tenant-admin");
  const [mine, calls] = [await Reader.open(rig, { key }), await Reader.open(rig, { query: "?types=session,alarm" })];
  told(rig, "r-other", "other");
  rig.node.tell({ type: "alarm", alarm: "core.unreachable", facts: {} });
  told(rig, "r-acme", "acme");
  rig.node.tell({ type: "session", change: "answered", session: call("c-acme", "acme") });
  await expect.poll(() => ids(mine)).toEqual(["r-acme", "c-acme"]);
  await expect.poll(() => calls.events.map(({ type }) => type)).toEqual(["alarm", "session"]);
});

test("a reader that comes back with Last-Event-ID misses nothing and hears nothing twice, of its own", async () => {
  const rig = await Rig.open();
  const key = await rig.keyOf("tenant-admin");
  const first = await Reader.open(rig, { key });
  told(rig, "r1", "acme");
  await expect.poll(() => ids(first)).toEqual(["r1"]);
  first.leave();
  for (const n of [2, 3]) {
    told(rig, `r${n}`, "acme");
    told(rig, `x${n}`, "other");
  }
  const back = await Reader.open(rig, { key, after: first.events[0]?.id ?? "" });
  told(rig, "r4", "acme");
  await expect.poll(() => ids(back)).toEqual(["r2", "r3", "r4"]);
});

test("a reader whose last event is no longer known, or of another run, is told that it has a gap", async () => {
  const rig = await Rig.open();
  const first = await Reader.open(rig);
  told(rig, "r0", "acme");
  await expect.poll(() => first.events.length).toBe(1);
  for (let n = 1; n <= 1001; n += 1) told(rig, `r${n}`, "acme");
  const late = await Reader.open(rig, { after: first.events[0]?.id ?? "" });
  const foreign = await Reader.open(rig, { after: "anotherrun-5" });
  await expect.poll(() => [late.events[0]?.type, foreign.events[0]?.type]).toEqual(["gap", "gap"]);
  told(rig, "next", "acme");
  await expect.poll(() => ids(late)).toEqual([undefined, "next"]);
});

test("a stream ends with the credentials it was opened with", async () => {
  const rig = await Rig.open({ streams: { beat: 20 } });
  const key = await rig.keyOf("auditor");
  const reader = await Reader.open(rig, { key });
  await expect.poll(() => reader.beats).toBeGreaterThan(0);
  expect(reader.ended).toBe(false);
  expect((await rig.ask("DELETE", `/api-keys/${key.split("_")[1]}`)).status).toBe(204);
  await expect.poll(() => reader.ended).toBe(true);
});

test("a reader that does not read is let go, and holds up nobody else", async () => {
  const rig = await Rig.open({ streams: { maxPending: 1024 * 1024 } });
  const lazy = await lazyReader(rig);
  const other = await Reader.open(rig);
  await expect.poll(() => streamsOf(rig)).toBe(2);
  // Each burst is less than may wait; all of them are more than the kernel's buffers of both ends take.
  const instance = "x".repeat(8000);
  let sent = 0;
  while ((await streamsOf(rig)) === 2) {
    for (let n = 0; n < 100; n += 1) {
      const id = `r${(sent += 1)}`;
      const big = registration(id, "acme", { impu: instance });
      rig.node.tell({ type: "registration", change: "registered", registration: big });
    }
    await expect.poll(() => other.events.length, { timeout: 10_000 }).toBe(sent);
  }
  expect(other.ended).toBe(false);
  expect(ids(other)).toEqual(Array.from({ length: sent }, (_, n) => `r${n + 1}`));
  lazy.destroy();
});

test("streams of one caller are bounded, and a place is given back with its stream", async () => {
  const rig = await Rig.open({ streams: { mostOfOne: 2, most: 3 } });
  const first = await Reader.open(rig);
  await Reader.open(rig);
  await expect(Reader.open(rig)).rejects.toThrow("too_many_requests");
  const auditor = { key: await rig.keyOf("auditor") };
  await Reader.open(rig, auditor);
  await expect(Reader.open(rig, auditor)).rejects.toThrow("unavailable");
  first.leave();
  await expect.poll(async () => (await Reader.open(rig)).type).toContain("text/event-stream");
});

async function streamsOf(rig: Rig): Promise<unknown> {
  const { counts } = (await rig.ask("GET", "/node")).body as { counts?: { streams?: unknown } };
  return counts?.streams;
}

/** Asks for the stream and never reads what comes. */
async function lazyReader(rig: Rig): Promise<Socket> {
  const { port } = new URL(rig.url);
  const socket = connect(Number(port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.pause();
  socket.write(`GET /admin/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${rig.operator}\r\n\r\n`);
  return socket;
}
