import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** One employee of the demo company. */
export interface AcmeUser {
  /** The name she types to sign in; also her lasting subject identifier at Acme's identity provider. */
  readonly username: string;
  readonly name: string;
  /** argon2id in PHC form (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`). */
  readonly passwordHash?: string;
  /** A demo password in clear; hashed at start. One of the two must be given. */
  readonly password?: string;
}

/** A number that the page offers ready to call. */
export interface SpeedDial {
  readonly label: string;
  readonly number: string;
}

/** What Acme is told at start. It knows the portal's URL and its own key, and nothing else of the operator. */
export interface AcmeConfig {
  /** Address to bind, e.g. `127.0.0.1`. */
  readonly host: string;
  /** TCP port, 0-65535; 0 lets the system choose, and `publicUrl` then takes the chosen port. */
  readonly port: number;
  /** The address in the browser's location bar, without a trailing slash. `http:` is accepted on `localhost` only. */
  readonly publicUrl: string;
  /** PEM files; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The operator's authorisation function: its issuer URL (RFC 8414). */
  readonly waf: { readonly issuer: string };
  /** Acme's client identifier at the WAF. */
  readonly clientId: string;
  /** File with Acme's private key for the WAF: ES256, a JWK or PKCS #8 PEM. */
  readonly clientKey: string;
  /** File with the identity provider's ES256 signing key (JWK); absent: a new key at each start. */
  readonly idpKey?: string;
  readonly users: readonly AcmeUser[];
  readonly speedDials: readonly SpeedDial[];
  /** Origins of the portal that the page may connect to (http and ws), for the Content-Security-Policy. */
  readonly portalOrigins: readonly string[];
}

/** A configuration that cannot be used; the message names the field. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

/**
 * Reads a configuration file (JSON). Paths in it are relative to its folder.
 * @throws ConfigError naming the field that is wrong.
 */
export async function readConfig(file: string): Promise<AcmeConfig> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: ${error instanceof Error ? error.message : "not readable"}`);
  }
  const config = checkConfig(parsed);
  const path = (name: string): string => resolve(dirname(file), name);
  return {
    ...config,
    clientKey: path(config.clientKey),
    ...(config.idpKey === undefined ? {} : { idpKey: path(config.idpKey) }),
    ...(config.tls === undefined ? {} : { tls: { cert: path(config.tls.cert), key: path(config.tls.key) } }),
  };
}

/** @throws ConfigError naming the first field that is missing or malformed. */
export function checkConfig(value: unknown): AcmeConfig {
  const at = new Fields(value, "");
  const port = at.member("port");
  if (typeof port !== "number" || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new ConfigError("port: must be an integer of 0-65535");
  const publicUrl = at.url("publicUrl", ["http:", "https:"]);
  if (publicUrl.protocol === "http:" && !isLoopback(publicUrl.hostname))
    throw new ConfigError("publicUrl: http is accepted on localhost only; browsers give no microphone to it elsewhere");
  const tls = at.optional("tls");
  const waf = new Fields(at.member("waf"), "waf.");
  const idpKey = at.optional("idpKey");
  return {
    host: at.text("host"),
    port,
    publicUrl: publicUrl.origin,
    ...(tls === undefined
      ? {}
      : { tls: { cert: new Fields(tls, "tls.").text("cert"), key: new Fields(tls, "tls.").text("key") } }),
    waf: { issuer: waf.url("issuer", ["http:", "https:"]).href.replace(/\/$/, "") },
    clientId: at.text("clientId"),
    clientKey: at.text("clientKey"),
    ...(idpKey === undefined ? {} : { idpKey: at.text("idpKey") }),
    users: at.list("users").map((entry, index) => readUser(new Fields(entry, `users[${index}].`))),
    speedDials: at.list("speedDials").map((entry, index) => {
      const dial = new Fields(entry, `speedDials[${index}].`);
      return { label: dial.text("label"), number: dial.text("number") };
    }),
    portalOrigins: at.list("portalOrigins").map((entry, index) => {
      const name = `portalOrigins[${index}]`;
      const url = new Fields({ [name]: entry }, "").url(name, ["http:", "https:", "ws:", "wss:"]);
      return `${url.protocol}//${url.host}`;
    }),
  };
}

/** True for names that stay on this machine, where browsers treat http as secure. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}

function readUser(at: Fields): AcmeUser {
  const user = { username: at.text("username"), name: at.text("name") };
  if (at.optional("passwordHash") !== undefined) return { ...user, passwordHash: at.text("passwordHash") };
  return { ...user, password: at.text("password") };
}

/** A JSON object whose members are asked for by name; complaints carry the path. */
class Fields {
  readonly #value: Record<string, unknown>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new ConfigError(`${path === "" ? "configuration" : path.slice(0, -1)}: must be an object`);
    this.#value = value as Record<string, unknown>;
    this.#path = path;
  }

  optional(name: string): unknown {
    return this.#value[name];
  }

  member(name: string): unknown {
    const value = this.#value[name];
    if (value === undefined) throw new ConfigError(`${this.#path}${name}: is missing`);
    return value;
  }

  text(name: string): string {
    const value = this.member(name);
    if (typeof value !== "string" || value === "")
      throw new ConfigError(`${this.#path}${name}: must be a text that is not empty`);
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.member(name);
    if (!Array.isArray(value)) throw new ConfigError(`${this.#path}${name}: must be a list`);
    return value;
  }

  url(name: string, protocols: readonly string[]): URL {
    const url = URL.parse(this.text(name));
    if (url === null || !protocols.includes(url.protocol))
      throw new ConfigError(`${this.#path}${name}: must be a URL of ${protocols.join(" or ")}`);
    return url;
  }
}
