import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "@portico/lab";
import { WebPhone } from "../core/webPhone.ts";
import { PortalProcess } from "../lab/support/portalProcess.ts";
import { freePort } from "../support/ports.ts";
import type { Grant, ThirdParty } from "./thirdParty.ts";

/** Where all nodes are reached, for the world: none listens there. */
const publicUrl = "https://portal.test";
export const issuer: string = `${publicUrl}/waf`;

/** What a node works on beside its own sockets. */
export interface Shared {
  readonly lab: Lab;
  /** Setting `database`, with what belongs to it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A node of the portal: a process of its own, on ports of its own, that may be killed and started again. */
export class PortalNode {
  readonly #config: string;
  readonly #ports: { readonly listen: number; readonly admin: number; readonly mw: number };
  readonly #data: string;
  #process: PortalProcess | undefined;
  /** What it wrote to standard error, since ever. */
  log = "";

  /** @param folder where its configuration and data go */
  static async start(folder: string, shared: Shared): Promise<PortalNode> {
    const node = await PortalNode.prepare(folder, shared);
    await node.run();
    return node;
  }

  /** Writes its configuration. */
  static async prepare(folder: string, { lab, settings }: Shared): Promise<PortalNode> {
    mkdirSync(folder, { recursive: true });
    const [listen, admin, mw, media] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const [icscf] = lab.icscfs;
    const config = {
      publicUrl,
      listen: { address: "127.0.0.1", port: listen },
      admin: { address: "127.0.0.1", port: admin },
      home: { domain: "ims.test", entryPoint: `sip:${icscf?.address}:${icscf?.port};transport=tcp`, protocol: "TCP" },
      mw: { address: "127.0.0.1", port: mw, peers: ["127.0.0.1"] },
      media: {
        access: [{ bind: "127.0.0.1" }],
        accessPort: media,
        coreAddress: "127.0.0.1",
        corePorts: [45_400, 45_599],
      },
      data: "./data",
      graceSeconds: 1,
      emergencyNumbers: ["112"],
      dialPlan: { internationalPrefix: "00" },
      log: { level: "warn" },
      ...settings,
    };
    // YAML takes JSON as it is.
    writeFileSync(join(folder, "portal.yaml"), JSON.stringify(config), { mode: 0o600 });
    return new PortalNode(folder, { listen, admin, mw });
  }

  private constructor(folder: string, ports: { listen: number; admin: number; mw: number }) {
    this.#config = join(folder, "portal.yaml");
    this.#data = join(folder, "data");
    this.#ports = ports;
  }

  get config(): string {
    return this.#config;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports.listen}`;
  }

  /** What somebody must act on. */
  get alarms(): string[] {
    return this.log.split("\n").filter((line) => line.includes('"alarm":true'));
  }

  /** As the Admin API calls it. */
  get name(): string {
    return `127.0.0.1:${this.#ports.mw}`;
  }

  /** The first key of the Admin API, which is in the data folder of the node that made it. */
  get adminKey(): string {
    return readFileSync(join(this.#data, "admin.key"), "utf8").trim();
  }

  async run(): Promise<void> {
    try {
      this.#process = await PortalProcess.start(this.#config, (text) => (this.log += text));
    } catch (error) {
      throw new Error(`${(error as Error).message}${this.log}`, { cause: error });
    }
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.#process?.end(signal);
  }

  /** @param path below /admin/v1 */
  async admin(
    key: string,
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return await fetch(`http://127.0.0.1:${this.#ports.admin}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...headers,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(method === "PUT" || method === "DELETE" ? { "if-match": "*" } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
  }

  /** JSON of an answer that must be good. */
  async ask<T>(key: string, method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.admin(key, method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** The stream of events, as it comes until it is left. */
  async events(key: string, signal: AbortSignal): Promise<{ readonly data: string[] }> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.admin}/admin/v1/events`, {
      headers: { authorization: `Bearer ${key}` },
      signal,
    });
    const data: string[] = [];
    void (async () => {
      let text = "";
      for await (const bytes of response.body ?? []) {
        const lines = (text + Buffer.from(bytes).toString()).split("\n");
        text = lines.pop() ?? "";
        data.push(...lines.flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : [])));
      }
    })().catch(() => undefined);
    return { data };
  }

  /** A telephone with a token, connected to this node. */
  async phone(site: ThirdParty, { access_token: token, ims: { impu } }: Grant): Promise<WebPhone> {
    const { url } = this;
    return await WebPhone.open({
      url: `${url.replace("http", "ws")}/w2`,
      origin: site.origin,
      identity: { impu, token },
    });
  }
}
