import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import type { Subscription } from "./core/hss.ts";
import { LabError } from "./errors.ts";
import type { LabOptions } from "./lab.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The ports of the demo. */
const demoPorts = { icscf: 15_060, scscf: 15_061, telephones: 15_062 };

const known: ReadonlySet<string> = new Set([
  "host",
  "homeDomain",
  "ports",
  "rtpPorts",
  "subscriptions",
  "subscriptionsFile",
  "trusted",
  "softphones",
]);

/**
 * Reads the configuration file of the lab process. `subscriptionsFile` is relative to it.
 * @throws LabError `lab/configuration` that names the field
 */
export async function readConfiguration(path: string): Promise<LabOptions> {
  const fields = objectOf(await readJson(path), path);
  for (const name of Object.keys(fields)) if (!known.has(name)) fail(`unknown field ${name}`);
  const file = fields["subscriptionsFile"];
  const host = optional(fields, "host", textOf);
  if (host !== undefined && isIP(host) === 0) fail("host is no IP address");
  return {
    host,
    homeDomain: optional(fields, "homeDomain", textOf),
    ports: { ...demoPorts, ...optional(fields, "ports", portsOf) },
    rtpPorts: optional(fields, "rtpPorts", rangeOf),
    trusted: optional(fields, "trusted", (value, name) => listOf(value, name, textOf)) ?? [],
    subscriptions: [
      ...(optional(fields, "subscriptions", subscriptionsOf) ?? []),
      ...(file === undefined ? [] : await readSubscriptions(resolve(dirname(path), textOf(file, "subscriptionsFile")))),
      ...(optional(fields, "softphones", (value, name) => listOf(value, name, softphoneOf)) ?? []),
    ],
  };
}

/**
 * Reads subscriptions from a JSON file: a list of `{ impi, impu, tel, wildcards }`; other fields, such as the tenant, are left alone.
 * @throws LabError `lab/configuration`
 */
export async function readSubscriptions(path: string): Promise<Subscription[]> {
  return subscriptionsOf(await readJson(path), path);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    return fail(`${path}: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}

function fail(what: string): never {
  throw new LabError("lab/configuration", what);
}

function optional<T>(fields: Fields, name: string, read: (value: unknown, name: string) => T): T | undefined {
  return fields[name] === undefined ? undefined : read(fields[name], name);
}

function objectOf(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${name} is no object`);
  return value as Fields;
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") fail(`${name} is no text`);
  return value;
}

function portOf(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 65_535) fail(`${name} is no port`);
  return value;
}

function listOf<T>(value: unknown, name: string, read: (value: unknown, name: string) => T): T[] {
  if (!Array.isArray(value)) fail(`${name} is no list`);
  return value.map((item: unknown, at) => read(item, `${name}[${at}]`));
}

function portsOf(value: unknown, name: string): Partial<typeof demoPorts> {
  const fields = objectOf(value, name);
  const entries = Object.entries(fields).map(([key, port]) => {
    if (!(key in demoPorts)) fail(`unknown field ${name}.${key}`);
    return [key, portOf(port, `${name}.${key}`)];
  });
  return Object.fromEntries(entries) as Partial<typeof demoPorts>;
}

function rangeOf(value: unknown, name: string): readonly [number, number] {
  const [first, last] = listOf(value, name, portOf);
  if (first === undefined || last === undefined || last <= first) fail(`${name} is no range`);
  return [first, last];
}

function subscriptionsOf(value: unknown, name: string): Subscription[] {
  return listOf(value, name, subscriptionOf);
}

function subscriptionOf(value: unknown, name: string): Subscription {
  const fields = objectOf(value, name);
  return {
    impi: textOf(fields["impi"], `${name}.impi`),
    impu: textOf(fields["impu"], `${name}.impu`),
    tel: optional(fields, "tel", (tel) => textOf(tel, `${name}.tel`)),
    digestPassword: optional(fields, "digestPassword", (password) => textOf(password, `${name}.digestPassword`)),
    wildcards: optional(fields, "wildcards", (list) =>
      listOf(list, `${name}.wildcards`, (one, at) => ({ identity: textOf(one, at) })),
    ),
    allowedWafWwsf: optional(fields, "allowedWafWwsf", (list) => listOf(list, `${name}.allowedWafWwsf`, textOf)),
  };
}

function softphoneOf(value: unknown, name: string): Subscription {
  const fields = objectOf(value, name);
  const digestPassword = textOf(fields["password"], `${name}.password`);
  return { ...subscriptionOf(value, name), digestPassword };
}
