import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EpcscfEvent, type RegistrationView, type SessionView, Traces } from "@portico/epcscf";
import { openStore, type Store } from "@portico/store";
import { systemClock, systemRandom } from "@portico/transport";
import { openWaf, type Waf } from "@portico/waf";
import { onTestFinished } from "vitest";
import type { Role } from "../../src/admin/access.ts";
import { type Admin, type AdminOptions, firstKeyFile, openAdmin } from "../../src/admin/admin.ts";
import { newApiKey } from "../../src/admin/apiKeys.ts";
import { tenantOf } from "./tenants.ts";

/** JSON of an answer, with the names the tests ask for. */
interface Body {
  readonly [name: string]: unknown;
  readonly code?: string;
  readonly errors?: unknown[];
  readonly id?: string;
  readonly secret?: string;
  readonly items?: Record<string, unknown>[];
  readonly nextCursor?: string;
}

/** An answer of the Admin API. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Empty where the answer is no JSON. */
  readonly body: Body;
}

export interface Ask {
  readonly key?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

function withoutNetwork({ network: _network, ...rest }: RegistrationView): RegistrationView {
  return rest;
}

/** Registrations and calls of a node, as the Admin API sees them. */
export class Node {
  readonly #listeners = new Set<(event: EpcscfEvent) => void>();
  readonly registered = new Map<string, RegistrationView>();
  readonly calls = new Map<string, SessionView>();
  readonly traces = new Traces({ clock: systemClock, wallClock: Date.now, namesOf: () => [] });

  get counts(): { flows: number; registrations: number; sessions: number; leftovers: number } {
    const { size } = this.registered;
    return { flows: size, registrations: size, sessions: this.calls.size, leftovers: 0 };
  }

  registrations(forOperator = false): RegistrationView[] {
    return [...this.registered.values()].map((one) => (forOperator ? one : withoutNetwork(one)));
  }

  sessions(): SessionView[] {
    return [...this.calls.values()];
  }

  async endRegistration(id: string): Promise<boolean | undefined> {
    return this.registered.delete(id) ? true : undefined;
  }

  releaseSession(id: string): boolean {
    return this.calls.delete(id);
  }

  on(listener: (event: EpcscfEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(event: EpcscfEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Where what was opened is closed: after the test, or after the file where it is opened before all of them. */
type OnEnd = (close: () => Promise<void> | void) => unknown;

/** The Admin API over a real store and WAF, on a port of its own. */
export class Rig {
  readonly store: Store;
  readonly waf: Waf;
  readonly node: Node;
  readonly url: string;
  readonly folder: string;
  /** Key of the first start. */
  readonly operator: string;
  readonly alarms: string[];
  /** Added to the clock, milliseconds. */
  clock: { ahead: number };

  private constructor(parts: Pick<Rig, "store" | "waf" | "node" | "url" | "folder" | "operator" | "clock" | "alarms">) {
    this.store = parts.store;
    this.waf = parts.waf;
    this.node = parts.node;
    this.url = parts.url;
    this.folder = parts.folder;
    this.operator = parts.operator;
    this.clock = parts.clock;
    this.alarms = parts.alarms;
  }

  static async open(o: Partial<AdminOptions> = {}, onEnd: OnEnd = onTestFinished): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), "portico-admin-"));
    onEnd(() => rmSync(folder, { recursive: true, force: true }));
    const store = await openStore({ sqlite: ":memory:" });
    onEnd(() => store.close());
    const clock = { ahead: 0 };
    const now = (): number => Date.now() + clock.ahead;
    const waf = await openWaf({
      store,
      issuer: "https://portal.op.test/waf",
      homeDomain: "ims.test",
      wss: ["wss://portal.op.test/w2"],
      tenants: [],
      now,
      random: systemRandom,
    });
    onEnd(() => waf.close());
    for (const id of ["acme", "other"]) await waf.tenants.create(tenantOf(id), { by: "test" });
    const node = new Node();
    const alarms: string[] = [];
    const admin: Admin = await openAdmin({
      listen: { address: "127.0.0.1", port: 0 },
      data: folder,
      auditKey: generateKeyPairSync("ed25519").privateKey,
      store,
      waf,
      live: node,
      node: {
        name: "127.0.0.1:5060",
        version: "0.0.0",
        homeDomain: "ims.test",
        publicUrl: "https://portal.op.test",
        startedAt: now(),
      },
      log: {
        info: () => undefined,
        warn: () => undefined,
        alarm: (event, facts) => void alarms.push(`${event} ${JSON.stringify(facts)}`),
      },
      now,
      rates: { caller: { burst: 1e6, perSecond: 1e6 }, failures: { burst: 1e6, perSecond: 1e6 } },
      ...o,
    });
    onEnd(() => admin.close());
    const operator = readFileSync(join(folder, firstKeyFile), "utf8").trim();
    return new Rig({ store, waf, node, url: admin.url, folder, operator, clock, alarms });
  }

  get now(): number {
    return Date.now() + this.clock.ahead;
  }

  /** A key of the role; of Acme where the role needs a tenant. */
  async keyOf(role: Role, o: { tenant?: string; expiresAt?: number } = {}): Promise<string> {
    const tenant = role === "tenant-admin" ? (o.tenant ?? "acme") : undefined;
    const { row, token } = newApiKey({ name: role, role, tenant, expiresAt: o.expiresAt }, this.now, systemRandom);
    await this.store.apiKeys.add(row);
    return token;
  }

  /** @param path below /admin/v1 */
  async ask(method: string, path: string, o: Ask = {}): Promise<Reply> {
    const key = "key" in o ? o.key : this.operator;
    const response = await fetch(`${this.url}/admin/v1${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(o.body === undefined ? {} : { "content-type": "application/json" }),
        ...o.headers,
      },
      ...(o.body === undefined ? {} : { body: typeof o.body === "string" ? o.body : JSON.stringify(o.body) }),
    });
    const text = await response.text();
    const json = /^application\/([a-z]+\+)?json\b/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: json && text !== "" ? JSON.parse(text) : {},
    };
  }
}

export function registration(id: string, tenant: string, more: Partial<RegistrationView> = {}): RegistrationView {
  return {
    id,
    impu: `sip:u0001@${tenant}.ims.test`,
    network: {
      impi: `u0001.${tenant}@ims.test`,
      associated: [`sip:u0001@${tenant}.ims.test`],
      serviceRoute: ["sip:scscf.ims.test;lr"],
      outbound: true,
      scope: ["ims.register", "ims.voice"],
    },
    tenant,
    clientId: `talk.${tenant}.test`,
    sessionId: `lease-of-${id}`,
    node: "127.0.0.1:5060",
    since: 1_800_000_000_000,
    grantedUntil: 1_800_000_600_000,
    tokenUntil: 1_800_000_900_000,
    flow: "live",
    peer: { family: "IPv4", scope: "private" },
    sessions: 0,
    ...more,
  };
}

export function call(id: string, tenant: string, more: Partial<SessionView> = {}): SessionView {
  return {
    id,
    registration: `registration-of-${id}`,
    impu: `sip:u0001@${tenant}.ims.test`,
    tenant,
    clientId: `talk.${tenant}.test`,
    direction: "outgoing",
    remote: "tel:+12025550110",
    icid: `icid-of-${id}`,
    state: "answered",
    since: 1_800_000_000_000,
    answeredAt: 1_800_000_004_000,
    ...more,
  };
}
