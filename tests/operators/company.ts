import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Portal, readConfig, startPortal } from "@portico/portico";
import { type ImsSession, nodeHandler, Wwsf } from "@portico/wwsf";
import { onTestFinished } from "vitest";

const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };
const clientId = "talk.acme.test";

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A portal of a configuration file, and the site of a company under contract that vouches for its users. */
export class Company {
  readonly #folder: string;
  /** The site's own. */
  readonly key: KeyPair;
  #portal: Portal | undefined;
  #site: string | undefined;

  /** @param folder of the configuration file and its data. @param key of the site, where there was one before */
  constructor(folder: string, key: KeyPair = generateKeyPairSync("ec", { namedCurve: "P-256" })) {
    this.#folder = folder;
    this.key = key;
  }

  get portal(): Portal {
    if (this.#portal === undefined) throw new Error("the portal does not run");
    return this.#portal;
  }

  /** The configuration file. */
  get file(): string {
    return join(this.#folder, "portal.yaml");
  }

  /** Writes the configuration with further settings, and starts its portal in the place of the one before. */
  async run(settings: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.configure(settings);
    await this.#portal?.close();
    const portal = await startPortal(readConfig(this.file), quiet);
    onTestFinished(() => portal.close());
    this.#portal = portal;
    this.#site = await this.#openSite(portal);
  }

  configure(settings: Readonly<Record<string, unknown>>): void {
    const jwks = { keys: [{ ...this.key.publicKey.export({ format: "jwk" }), alg: "ES256" }] };
    const acme = {
      id: "acme",
      name: "Acme",
      state: "active",
      origins: ["https://talk.acme.test"],
      services: ["voice"],
      clients: [{ clientId, authentication: { method: "private_key_jwt", jwks }, subjectTokens: { jwks } }],
      identityProviders: [],
      blocks: [{ id: "main", domain: "acme.ims.test", count: 10, assignment: "sticky", quarantineSeconds: 60 }],
    };
    const config = {
      publicUrl: "http://127.0.0.1:0",
      listen: { address: "127.0.0.1", port: 0 },
      admin: { address: "127.0.0.1", port: 0 },
      home: { domain: "ims.test", entryPoint: "sip:127.0.0.1:5060", protocol: "TCP" },
      mw: { address: "127.0.0.1", port: 0, peers: ["127.0.0.1"] },
      media: {
        access: [{ bind: "127.0.0.1" }],
        accessPort: 0,
        coreAddress: "127.0.0.1",
        corePorts: [41_000, 41_099],
      },
      data: "./data",
      emergencyNumbers: ["112"],
      dialPlan: { internationalPrefix: "00" },
      tenants: [acme],
      ...settings,
    };
    // YAML takes JSON as it is.
    writeFileSync(this.file, JSON.stringify(config), { mode: 0o600 });
  }

  /** What the page of a user gets, as text too. */
  async pageOf(user: string): Promise<ImsSession & { readonly text: string }> {
    const response = await fetch(`${this.#site}?user=${user}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return { ...(JSON.parse(text) as ImsSession), text };
  }

  /** A user has left the company. */
  async dismiss(subject: string): Promise<void> {
    await this.#kit(this.portal).endUser(subject);
  }

  /** The Admin API, asked by the operator. @param path below /admin/v1 */
  async ask(method: "GET" | "POST", path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const key = readFileSync(join(this.#folder, "data/admin.key"), "utf8").trim();
    const response = await fetch(`${this.portal.adminUrl}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  #kit({ waf }: Portal): Wwsf {
    const { privateKey: key } = this.key;
    return new Wwsf({
      issuer: waf.issuer,
      clientId,
      authentication: { method: "private_key_jwt", key },
      vouchingKey: { key },
    });
  }

  async #openSite(portal: Portal): Promise<string> {
    const handler = nodeHandler(this.#kit(portal), (request) => {
      const user = new URL(request.url ?? "/", "http://site").searchParams.get("user") ?? "";
      return { session: `web-session-of-${user}`, subject: user };
    });
    const server = createServer(handler).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }
}
