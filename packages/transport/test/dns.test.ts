import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { VirtualClock } from "@portico/sip/testing";
import { afterEach, expect, test } from "vitest";
import { systemClock, systemResolver } from "../src/index.ts";

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const kinds = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 } as const;
type Kind = keyof typeof kinds;

interface Zone {
  /** Seconds that every record lives. */
  ttl: number;
  /** `kind name` to the data of its records; "silence": no answer at all. */
  records: Record<string, Buffer[] | "silence">;
  readonly asked: string[];
}

/** A name server on loopback (RFC 1035), as much of one as a resolver needs. */
async function nameServer(zone: Zone): Promise<string> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => socket.close());
  socket.on("message", (query, from) => answer(socket, zone, query, from.port));
  return `127.0.0.1:${socket.address().port}`;
}

function answer(socket: Socket, zone: Zone, query: Buffer, port: number): void {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const code = query.readUInt16BE(at + 1);
  const kind = Object.entries(kinds).find(([, value]) => value === code)?.[0] ?? String(code);
  const key = `${kind} ${labels.join(".").toLowerCase()}`;
  zone.asked.push(key);
  const found = zone.records[key] ?? [];
  if (found === "silence") return;
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8580, 2);
  head.writeUInt16BE(found.length, 6);
  head.writeUInt32BE(0, 8);
  const records = found.map((data) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(code, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(zone.ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  socket.send(Buffer.concat([head, query.subarray(12, at + 5), ...records]), port, "127.0.0.1");
}

const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)]);
const name = (value: string): Buffer => Buffer.concat([...value.split(".").map(text), Buffer.from([0])]);
const numbers = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));

function zoneOf(records: Partial<Record<`${Kind} ${string}`, Buffer[] | "silence">>, ttl = 60): Zone {
  return { ttl, records: records as Zone["records"], asked: [] };
}

test("EPC-REG-18d NAPTR, SRV, A and AAAA come as RFC 3263 wants them", async () => {
  const naptr = Buffer.concat([numbers(10, 20), text("s"), text("SIP+D2T"), text(""), name("_sip._tcp.ims.test")]);
  const zone = zoneOf({
    "NAPTR ims.test": [naptr],
    "SRV _sip._tcp.ims.test": [Buffer.concat([numbers(1, 70, 5070), name("icscf1.ims.test")])],
    "A icscf1.ims.test": [Buffer.from([192, 0, 2, 7])],
    "AAAA icscf1.ims.test": [Buffer.from("20010db8000000000000000000000007", "hex")],
  });
  const dns = systemResolver({ clock: systemClock, servers: [await nameServer(zone)] });
  expect(await dns.naptr("ims.test")).toMatchObject([
    { order: 10, preference: 20, flags: "s", service: "SIP+D2T", replacement: "_sip._tcp.ims.test" },
  ]);
  expect(await dns.srv("_sip._tcp.ims.test")).toEqual([
    { priority: 1, weight: 70, port: 5070, target: "icscf1.ims.test" },
  ]);
  expect(await dns.addresses("icscf1.ims.test")).toEqual(["2001:db8::7", "192.0.2.7"]);
  expect(await dns.srv("_sip._udp.ims.test")).toEqual([]);
});

test("a name is asked for once while its records live, and by all who wait at once", async () => {
  const zone = zoneOf({ "A icscf.ims.test": [Buffer.from([192, 0, 2, 7])] }, 10);
  const clock = new VirtualClock();
  const dns = systemResolver({ clock, servers: [await nameServer(zone)] });
  const ask = (): Promise<readonly string[]> => dns.addresses("icscf.ims.test");
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([["192.0.2.7"], ["192.0.2.7"], ["192.0.2.7"]]);
  const asked = (): number => zone.asked.filter((key) => key.startsWith("A ")).length;
  expect(asked()).toBe(1);
  clock.advance(9900);
  await ask();
  expect(asked()).toBe(1);
  zone.records["A icscf.ims.test"] = [Buffer.from([192, 0, 2, 8])];
  clock.advance(200);
  expect(await ask()).toEqual(["192.0.2.8"]);
});

test("name servers that fall silent take nothing away, and hold nobody up for long", async () => {
  const zone = zoneOf({ "SRV _sip._tcp.ims.test": [Buffer.concat([numbers(1, 1, 5060), name("icscf.ims.test")])] });
  const clock = new VirtualClock();
  const dns = systemResolver({ clock, servers: [await nameServer(zone)] });
  const before = await dns.srv("_sip._tcp.ims.test");
  expect(before).toHaveLength(1);
  zone.records["SRV _sip._tcp.ims.test"] = "silence";
  clock.advance(60_000);
  const asked = dns.srv("_sip._tcp.ims.test");
  clock.advance(4000);
  expect(await asked).toEqual(before);
});

test("the hosts file counts too", async () => {
  const dns = systemResolver({ clock: systemClock, servers: [await nameServer(zoneOf({}))] });
  expect(await dns.addresses("localhost")).toContain("127.0.0.1");
});
