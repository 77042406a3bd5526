import { readFileSync } from "node:fs";
import { parseUri, targetsOf, type Resolver } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";

/** The records that docs/operators.md has an operator publish. */
const zone =
  /```dns\n([^]*?)```/.exec(readFileSync(new URL("../../../docs/operators.md", import.meta.url), "utf8"))?.[1] ?? "";
const records = zone
  .trim()
  .split("\n")
  .map((line) => line.replaceAll('"', "").split(/\s+/));
const of = (type: string, name: string): string[][] =>
  records.filter(([owner, kind]) => kind === type && owner === `${name}.`);

const resolver: Resolver = {
  naptr: async (name) =>
    of("NAPTR", name).map(([, , order, preference, flags = "", service = "", replacement]) => {
      return { order: Number(order), preference: Number(preference), flags, service, replacement: replacement ?? "" };
    }),
  srv: async (name) =>
    of("SRV", name).map(([, , priority, weight, port, target = ""]) => {
      return { priority: Number(priority), weight: Number(weight), port: Number(port), target };
    }),
  addresses: async (name) => (/^portal\.ims\.example\.?$/.test(name) ? ["192.0.2.1"] : []),
};

test("EPC-WS-10 the records of docs/operators.md lead a client that knows the home domain alone to W2 over TLS, port 443", async () => {
  const found = [];
  const options = { resolver, random: new SeededRandom(1), protocols: ["WSS"] as const };
  for await (const target of targetsOf(parseUri("sip:ims.example"), options)) found.push(target);
  expect(found).toMatchObject([{ protocol: "WSS", address: "192.0.2.1", port: 443 }]);
});
