import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import type { Epcscf, Log } from "@portico/epcscf";
import type { Store } from "@portico/store";
import { systemRandom } from "@portico/transport";
import type { Waf } from "@portico/waf";
import { Listener, type ListenerOptions } from "../http/listener.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { ApiKeyCheck, writeFirstKey } from "./apiKeys.ts";
import { Authenticator } from "./authenticator.ts";
import { EventRelay, type EventRelayOptions } from "./eventRelay.ts";
import { EventHub } from "./events.ts";
import { at } from "./fields.ts";
import { Nodes } from "./nodes.ts";
import { type OidcOptions, OidcTokens } from "./oidc.ts";
import { type AdminRates, defaultRates, Rates } from "./rates.ts";
import { shownRegistration, shownSession } from "./resources/live.ts";
import { adminServer } from "./server.ts";
import type { AdminServices, LiveNode, NodeFacts, StreamBounds } from "./services.ts";

export interface AdminOptions {
  /** With TLS beyond this machine. */
  readonly listen: Pick<ListenerOptions, "address" | "port" | "tls">;
  /** Where the other nodes reach it; absent: where it listens. */
  readonly nodeUrl?: string;
  readonly oidc?: OidcOptions;
  /** Folder of the first key. */
  readonly data: string;
  /** Ed25519; signs checkpoints of the audit. */
  readonly auditKey: KeyObject;
  readonly store: Store;
  readonly waf: Waf;
  readonly live: LiveNode & Pick<Epcscf, "on">;
  readonly node: NodeFacts;
  readonly log: Log;
  readonly now?: () => number;
  readonly rates?: AdminRates;
  readonly streams?: Partial<StreamBounds>;
  readonly telemetry?: Telemetry | undefined;
  /** What carries events between the nodes; absent: streams tell what happens on this one. */
  readonly relay?: Pick<EventRelayOptions, "shared" | "box"> | undefined;
}

/** The running Admin API. */
export interface Admin {
  readonly url: string;
  close(): Promise<void>;
}

const defaultStreams: StreamBounds = { most: 100, mostOfOne: 10, beat: 15_000, maxPending: 256 * 1024 };

/** Name of the file with the first key, in the data folder. */
export const firstKeyFile = "admin.key";

/** Opens the Admin API on its own listener. @throws Error when the address is in use. */
export async function openAdmin(o: AdminOptions): Promise<Admin> {
  const { store, waf, log, now = Date.now, telemetry } = o;
  const random = systemRandom;
  if (await writeFirstKey(store, join(o.data, firstKeyFile), now(), random)) {
    log.info("admin.first-key", { file: join(o.data, firstKeyFile) });
  }
  const oidc = o.oidc === undefined ? undefined : new OidcTokens(o.oidc, now, fetch);
  const authenticator = new Authenticator(new ApiKeyCheck(store, now), oidc);
  const hub = new EventHub(random.token(8), o.node.name);
  const listener = await Listener.open({ ...o.listen, log });
  const host = o.listen.address.includes(":") ? `[${o.listen.address}]` : o.listen.address;
  const url = `${o.listen.tls === undefined ? "http" : "https"}://${host}:${listener.port}`;
  const self = { name: o.node.name, adminUrl: o.nodeUrl ?? url };
  const traced = (): Record<string, string> => telemetry?.outgoing() ?? {};
  const nodes = await Nodes.open({ store, self, log, now, traced }).catch(async (error: unknown) => {
    await listener.close();
    throw error;
  });
  const services: AdminServices = {
    store,
    waf,
    live: o.live,
    hub,
    node: o.node,
    nodes,
    auditKey: o.auditKey,
    log,
    audit: async (event) => {
      const { seq, action, actor, subject, tenant, at: when } = await store.audit.append({ ...event, at: now() });
      hub.publish({ type: "audit", tenant, at: when, data: { seq, action, actor, subject } });
    },
    stillAuthorised: async (authorization, actor) => (await authenticator.principal(authorization)).actor === actor,
    streams: { ...defaultStreams, ...o.streams },
    now,
    random,
  };
  const { name: node, startedAt } = o.node;
  const relay = o.relay && (await EventRelay.open({ ...o.relay, hub, node, startedAt, log }));
  const stops = [...followNode(o.live, hub, now), ...followWaf(waf, hub, now), () => relay?.close()];
  const rates = new Rates(o.rates ?? defaultRates, now);
  const app = adminServer({ services, authenticator, rates, server: listener.server, telemetry });
  await app.ready();
  listener.serve((request, response) => app.routing(request, response));
  return {
    url,
    close: async () => {
      for (const stop of stops) stop();
      // Event streams would keep the server open for ever.
      hub.close();
      await nodes.close();
      await app.close();
      await listener.close();
    },
  };
}

/** Tells the streams what happens on this node. @returns functions that end it */
function followNode(live: Pick<Epcscf, "on">, hub: EventHub, now: () => number): (() => void)[] {
  const stop = live.on((event) => {
    if (event.type === "alarm") {
      hub.publish({ type: "alarm", tenant: undefined, at: now(), data: { alarm: event.alarm, facts: event.facts } });
    } else if (event.type === "registration") {
      const { id, tenant, impu, node, lease, since } = shownRegistration(event.registration);
      const why = event.change === "ended" ? { reason: event.reason, confirmed: event.confirmed } : {};
      hub.publish({
        type: "registration",
        tenant,
        at: now(),
        data: { change: event.change, ...why, id, impu, node, lease, since },
      });
    } else {
      const { tenant, ...session } = shownSession(event.session);
      const end = event.change === "ended" ? { end: { ...event.end, at: at(event.end.at) } } : {};
      hub.publish({ type: "session", tenant, at: now(), data: { change: event.change, ...session, ...end } });
    }
  });
  return [stop];
}

/** Alarms of the WAF: those about a block are the tenant's business as well. */
function followWaf(waf: Waf, hub: EventHub, now: () => number): (() => void)[] {
  const stop = waf.onAlarm(({ type, tenant, ...more }) => {
    const block = type.startsWith("block");
    hub.publish({ type: block ? "block" : "alarm", tenant, at: now(), data: { alarm: type, ...more } });
  });
  return [stop];
}
