import { parseUri, targetsOf } from "@portico/sip";
import type { Hop, NaptrRecord, Resolver, SrvRecord } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fuzzRuns } from "./fuzzRuns.ts";

interface Zone {
  naptr?: Record<string, [order: number, preference: number, flags: string, service: string, replacement: string][]>;
  srv?: Record<string, [priority: number, weight: number, port: number, target: string][]>;
  a?: Record<string, string[]>;
}

function zone(z: Zone): Resolver & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    naptr: async (name) => {
      asked.push(`NAPTR ${name}`);
      return (z.naptr?.[name] ?? []).map(([order, preference, flags, service, replacement]): NaptrRecord => ({
        order,
        preference,
        flags,
        service,
        replacement,
      }));
    },
    srv: async (name) => {
      asked.push(`SRV ${name}`);
      return (z.srv?.[name] ?? []).map(([priority, weight, port, target]): SrvRecord => ({
        priority,
        weight,
        port,
        target,
      }));
    },
    addresses: async (name) => {
      asked.push(`A ${name}`);
      const found = z.a?.[name];
      if (!found) throw new Error("ENOTFOUND");
      return found;
    },
  };
}

async function all(uri: string, resolver: Resolver, protocols?: Hop["protocol"][], seed = 1): Promise<string[]> {
  const found: string[] = [];
  const options = { resolver, random: new SeededRandom(seed), ...(protocols ? { protocols } : {}) };
  for await (const { protocol, address, port } of targetsOf(parseUri(uri), options)) {
    found.push(`${protocol} ${address} ${port}`);
  }
  return found;
}

/** RFC 3263 §4.1 and §4.2: the records of its example. */
const example: Zone = {
  naptr: {
    "example.com": [
      [90, 50, "s", "SIP+D2T", "_sip._tcp.example.com."],
      [50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."],
      [100, 50, "s", "SIP+D2U", "_sip._udp.example.com."],
    ],
  },
  srv: {
    "_sip._tcp.example.com": [
      [0, 1, 5060, "server1.example.com."],
      [0, 2, 5060, "server2.example.com"],
    ],
    "_sips._tcp.example.com": [[0, 1, 5061, "server1.example.com"]],
    "_sip._udp.example.com": [[0, 1, 5060, "server1.example.com"]],
  },
  a: {
    "server1.example.com": ["192.0.2.1", "2001:db8::1"],
    "server2.example.com": ["192.0.2.2"],
    "example.com": ["192.0.2.9"],
  },
};

test("RFC 3263 §4.1: NAPTR by order, what we cannot speak discarded", async () => {
  expect(await all("sip:user@example.com", zone(example), ["TCP", "UDP"], 3)).toEqual([
    "TCP 192.0.2.2 5060",
    "TCP 192.0.2.1 5060",
    "TCP 2001:db8::1 5060",
    "UDP 192.0.2.1 5060",
    "UDP 2001:db8::1 5060",
  ]);
  expect((await all("sip:user@example.com", zone(example)))[0]).toBe("TLS 192.0.2.1 5061");
});

test("SIPS takes secure services only", async () => {
  expect(await all("sips:user@example.com", zone(example))).toEqual(["TLS 192.0.2.1 5061", "TLS 2001:db8::1 5061"]);
  expect(await all("sips:user@example.com", zone(example), ["UDP", "TCP"])).toEqual([]);
  expect(await all("sips:user@example.com;transport=udp", zone(example))).toEqual([]);
  expect(await all("sips:user@192.0.2.7;transport=tcp", zone({}))).toEqual(["TLS 192.0.2.7 5061"]);
});

test.each([
  ["sip:192.0.2.7", "UDP 192.0.2.7 5060"],
  ["sip:192.0.2.7:5070", "UDP 192.0.2.7 5070"],
  ["sip:192.0.2.7;transport=tcp", "TCP 192.0.2.7 5060"],
  ["sip:[2001:db8::7]", "UDP 2001:db8::7 5060"],
  ["sip:[2001:db8::7]:5080;transport=TCP", "TCP 2001:db8::7 5080"],
  ["sips:192.0.2.7", "TLS 192.0.2.7 5061"],
  ["sip:192.0.2.7;transport=tls", "TLS 192.0.2.7 5061"],
  ["sip:example.com;maddr=192.0.2.8", "UDP 192.0.2.8 5060"],
])("a number leaves nothing to ask: %s", async (uri, target) => {
  const resolver = zone(example);
  expect(await all(uri, resolver)).toEqual([target]);
  expect(resolver.asked).toEqual([]);
});

test("a port: addresses of the name, no NAPTR, no SRV", async () => {
  const resolver = zone(example);
  expect(await all("sip:example.com:5070", resolver)).toEqual(["UDP 192.0.2.9 5070"]);
  expect(await all("sip:example.com:5070;transport=tcp", resolver)).toEqual(["TCP 192.0.2.9 5070"]);
  expect(resolver.asked).toEqual(["A example.com", "A example.com"]);
});

test("a transport: SRV of that one", async () => {
  const resolver = zone(example);
  expect(await all("sip:example.com;transport=udp", resolver)).toEqual(["UDP 192.0.2.1 5060", "UDP 2001:db8::1 5060"]);
  expect(resolver.asked).toEqual(["SRV _sip._udp.example.com", "A server1.example.com"]);
  expect(await all("sip:example.com;transport=sctp", resolver)).toEqual([]);
  expect(await all("sip:example.com;transport=ws", resolver)).toEqual([]);
});

test("no NAPTR: SRV of each transport we speak, in our order; no SRV either: the name itself", async () => {
  const resolver = zone({ srv: { "_sip._tcp.b.org": [[1, 0, 5066, "b.org"]] }, a: { "b.org": ["192.0.2.3"] } });
  expect(await all("sip:b.org", resolver)).toEqual(["TCP 192.0.2.3 5066"]);
  expect(resolver.asked).toEqual([
    "NAPTR b.org",
    "SRV _sip._udp.b.org",
    "SRV _sip._tcp.b.org",
    "A b.org",
    "SRV _sips._tcp.b.org",
  ]);
  const plain = zone({ a: { "b.org": ["192.0.2.3", "192.0.2.4"] } });
  expect(await all("sip:b.org", plain)).toEqual(["UDP 192.0.2.3 5060", "UDP 192.0.2.4 5060"]);
  expect(await all("sips:b.org", plain)).toEqual(["TLS 192.0.2.3 5061", "TLS 192.0.2.4 5061"]);
  expect(await all("sip:b.org;transport=tcp", plain)).toEqual(["TCP 192.0.2.3 5060", "TCP 192.0.2.4 5060"]);
  expect(await all("sip:b.org", plain, ["WSS"])).toEqual(["WSS 192.0.2.3 443", "WSS 192.0.2.4 443"]);
});

test("RFC 7118 §5: WebSocket by NAPTR and by its parameter", async () => {
  const resolver = zone({
    naptr: {
      "w.org": [
        [1, 1, "s", "SIPS+D2W", "_sips._ws.w.org"],
        [1, 0, "s", "SIP+D2W", "_sip._ws.w.org"],
      ],
    },
    srv: { "_sips._ws.w.org": [[0, 0, 443, "e.w.org"]], "_sip._ws.w.org": [[0, 0, 80, "e.w.org"]] },
    a: { "e.w.org": ["192.0.2.5"] },
  });
  expect(await all("sip:w.org", resolver, ["WS", "WSS"])).toEqual(["WS 192.0.2.5 80", "WSS 192.0.2.5 443"]);
  expect(await all("sip:w.org;transport=ws", resolver, ["WS", "WSS"])).toEqual(["WS 192.0.2.5 80"]);
  expect(await all("sips:w.org;transport=ws", resolver, ["WS", "WSS"])).toEqual(["WSS 192.0.2.5 443"]);
});

test("a service that is decidedly not there is not sought elsewhere; a name that fails is passed over", async () => {
  const none = zone({ srv: { "_sip._udp.b.org": [[0, 0, 0, "."]] }, a: { "b.org": ["192.0.2.3"] } });
  expect(await all("sip:b.org;transport=udp", none)).toEqual([]);
  const broken = zone({
    srv: {
      "_sip._udp.b.org": [
        [0, 0, 5060, "gone.b.org"],
        [1, 0, 5062, "there.b.org"],
      ],
    },
    a: { "there.b.org": ["192.0.2.4"] },
  });
  expect(await all("sip:b.org;transport=udp", broken)).toEqual(["UDP 192.0.2.4 5062"]);
  expect(await all("tel:+12125550100", none)).toEqual([]);
});

test("names are looked up only as far as needed, and no target comes twice", async () => {
  const resolver = zone(example);
  const targets = targetsOf(parseUri("sip:example.com"), { resolver, random: new SeededRandom(1) });
  expect((await targets.next()).value).toEqual({
    protocol: "TLS",
    address: "192.0.2.1",
    port: 5061,
    host: "example.com",
  });
  await targets.return();
  expect(resolver.asked).toEqual(["NAPTR example.com", "SRV _sips._tcp.example.com", "A server1.example.com"]);
  const doubled = zone({
    srv: {
      "_sip._udp.b.org": [
        [0, 0, 1, "b.org"],
        [1, 0, 1, "b.org"],
      ],
    },
    a: { "b.org": ["192.0.2.3"] },
  });
  expect(await all("sip:b.org;transport=udp", doubled)).toEqual(["UDP 192.0.2.3 1"]);
});

test("RFC 2782: priorities first, weights share the load, weight 0 hardly ever comes first", async () => {
  const resolver = zone({
    srv: {
      "_sip._udp.b.org": [
        [1, 0, 5, "e"],
        [0, 0, 1, "a"],
        [0, 10, 2, "b"],
        [0, 30, 3, "c"],
        [0, 60, 4, "d"],
      ],
    },
    a: { a: ["192.0.2.1"], b: ["192.0.2.2"], c: ["192.0.2.3"], d: ["192.0.2.4"], e: ["192.0.2.5"] },
  });
  const first = [0, 0, 0, 0, 0];
  for (let seed = 1; seed <= 1000; seed += 1) {
    const ports = (await all("sip:b.org;transport=udp", resolver, undefined, seed)).map((each) => Number(each.at(-1)));
    expect(ports.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(ports.at(-1)).toBe(5);
    first[(ports[0] ?? 0) - 1] = (first[(ports[0] ?? 0) - 1] ?? 0) + 1;
  }
  const [a = 0, b = 0, c = 0, d = 0] = first;
  expect(a).toBeLessThan(40);
  expect([b > 50 && b < 160, c > 220 && c < 380, d > 500 && d < 700]).toEqual([true, true, true]);
});

test("whatever DNS says: at most 32 targets, each once, each one of ours", async () => {
  const name = fc.constantFrom(
    "b.org",
    "_sip._udp.b.org",
    "_sip._tcp.b.org",
    "_sips._tcp.b.org",
    "a",
    ".",
    "",
    "192.0.2.9",
  );
  const number = fc.integer({ min: 0, max: 3 });
  const service = fc.constantFrom("SIP+D2U", "sip+d2t", "SIPS+D2T", "SIP+D2W", "x");
  const naptr = fc.tuple(number, number, fc.constantFrom("s", "S", "a", "u", ""), service, name);
  const srv = fc.tuple(number, fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 65_535 }), name);
  const table = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T[]>> =>
    fc.dictionary(name, fc.array(value, { maxLength: 12 }));
  const uri = fc.constantFrom("sip:b.org", "sips:b.org", "sip:b.org:1", "sip:b.org;transport=tcp", "sip:a;maddr=b.org");
  await fc.assert(
    fc.asyncProperty(table(naptr), table(srv), table(fc.ipV4()), uri, async (naptrs, srvs, a, text) => {
      const found = await all(text, zone({ naptr: naptrs, srv: srvs, a }));
      expect(found.length).toBeLessThanOrEqual(32);
      expect(new Set(found).size).toBe(found.length);
      for (const each of found)
        expect(each).toMatch(text.startsWith("sips") ? /^TLS \S+ \d+$/ : /^(?:UDP|TCP|TLS) \S+ \d+$/);
    }),
    { numRuns: fuzzRuns(200) },
  );
});
