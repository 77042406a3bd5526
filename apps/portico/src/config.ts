import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { LineCounter, parseDocument } from "yaml";

const text = Type.String({ minLength: 1 });
const port = Type.Integer({ minimum: 0, maximum: 65_535 });
const seconds = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum });
const closed = { additionalProperties: false };

const jwks = Type.Union([text, Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) })]);

const tenant = Type.Object(
  {
    id: text,
    name: text,
    clientId: text,
    clientJwks: jwks,
    identityProvider: Type.Object({ issuer: text, jwks, audience: text }, closed),
    origins: Type.Array(text, { minItems: 1 }),
    services: Type.Array(Type.Literal("voice")),
    block: Type.Object(
      {
        domain: text,
        firstNumber: Type.Optional(text),
        count: Type.Integer({ minimum: 1, maximum: 100_000 }),
        assignment: Type.Union([Type.Literal("sticky"), Type.Literal("dynamic")]),
        quarantineSeconds: seconds(0, 31_536_000),
      },
      closed,
    ),
    limits: Type.Optional(
      Type.Object({ sessionsPerUser: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }, closed),
    ),
    /** First and last instant of the contract, ISO 8601. */
    contract: Type.Optional(Type.Object({ from: Type.Optional(text), until: Type.Optional(text) }, closed)),
    state: Type.Union([Type.Literal("active"), Type.Literal("suspended")]),
  },
  closed,
);

const schema = Type.Object(
  {
    /** Where browsers and web servers reach the portal; http only on localhost. */
    publicUrl: text,
    listen: Type.Object({ address: text, port }, closed),
    tls: Type.Optional(Type.Object({ cert: text, key: text }, closed)),
    home: Type.Object(
      {
        domain: text,
        /** SIP URI of the I-CSCF. */
        entryPoint: text,
        protocol: Type.Union([Type.Literal("TCP"), Type.Literal("UDP")]),
      },
      closed,
    ),
    /** `peers`: addresses of the core; messages from others are dropped. */
    mw: Type.Object({ address: text, port, peers: Type.Array(text, { minItems: 1 }) }, closed),
    media: Type.Object(
      {
        access: Type.Array(Type.Object({ bind: text, advertise: Type.Optional(text) }, closed), { minItems: 1 }),
        accessPort: port,
        coreAddress: text,
        corePorts: Type.Tuple([port, port]),
        /** Take a far end's media from where it comes, once, not only from where its SDP says. */
        latchCore: Type.Boolean(),
      },
      closed,
    ),
    /** Folder of the database, the keys and the list for the HSS. */
    data: text,
    accessTokenSeconds: seconds(60, 86_400),
    maxExpiresSeconds: seconds(60, 600_000),
    graceSeconds: seconds(1, 600),
    emergencyNumbers: Type.Array(text),
    dialPlan: Type.Object(
      {
        internationalPrefix: text,
        national: Type.Optional(Type.Object({ trunk: text, country: text, digits: seconds(4, 14) }, closed)),
      },
      closed,
    ),
    tenants: Type.Array(tenant, { minItems: 1 }),
  },
  closed,
);

/** The portal's configuration; paths in it are absolute. */
export type PortalConfig = Static<typeof schema>;

const check = Compile(schema);

/** A configuration that cannot be used. The message names file, line, field and what is wrong. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads a YAML (or JSON) configuration file. @throws ConfigError. */
export function readConfig(file: string): PortalConfig {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch {
    throw new ConfigError(`${file}: cannot be read; name an existing YAML file`);
  }
  return parseConfig(source, file);
}

/** @param file name for messages; relative paths are seen from its folder. @throws ConfigError. */
export function parseConfig(source: string, file: string): PortalConfig {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const [syntax] = document.errors;
  if (syntax !== undefined) throw new ConfigError(`${file}:${syntax.message.split("\n", 1)[0]}`);
  const value: unknown = document.toJS();
  // Those two only repeat what another complaint says more exactly.
  const first = check.Errors(value).find(({ keyword }) => keyword !== "additionalProperties" && keyword !== "anyOf");
  if (first !== undefined) {
    const path = first.instancePath.split("/").slice(1);
    const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
    const line = node?.range === undefined ? "" : `:${lines.linePos(node.range[0]).line}`;
    const what = first.keyword === "boolean" ? "is no setting of the portal; remove it" : first.message;
    throw new ConfigError(`${file}${line}: ${path.join(".") || "the configuration"} ${what}`);
  }
  if (!check.Check(value)) throw new ConfigError(`${file}: the configuration does not fit`);
  const url = URL.parse(value.publicUrl);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(url?.hostname ?? "");
  if (url === null || (url.protocol !== "https:" && !(url.protocol === "http:" && local))) {
    throw new ConfigError(`${file}: publicUrl must be an https URL, or http on localhost`);
  }
  const at = (path: string): string => resolve(dirname(file), path);
  return {
    ...value,
    publicUrl: url.origin,
    data: at(value.data),
    ...(value.tls === undefined ? {} : { tls: { cert: at(value.tls.cert), key: at(value.tls.key) } }),
  };
}
