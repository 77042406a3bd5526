import type { RequestListener } from "node:http";
import { fastify, type FastifyInstance } from "fastify";
import type { Metrics } from "../metrics/metrics.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Listener } from "./listener.ts";
import type { Readiness } from "./readiness.ts";
import type { TrustedProxies } from "./trustedProxies.ts";

export interface AppOptions {
  /** What metrics call it. */
  readonly name: "public" | "admin" | "metrics";
  readonly proxies?: TrustedProxies;
  readonly metrics: Metrics;
  readonly telemetry?: Telemetry | undefined;
}

/** A Fastify application on a listener. */
export interface ListenerApp {
  readonly app: FastifyInstance;
  /** All routes are there: requests are answered from now on. */
  open(): Promise<void>;
  /** Ends all connections. */
  close(): Promise<void>;
}

export function appOn(listener: Listener, { name, proxies, metrics, telemetry }: AppOptions): ListenerApp {
  let handle: RequestListener | undefined;
  const app = fastify({
    logger: false,
    bodyLimit: 65_536,
    trustProxy: proxies === undefined ? false : (address) => proxies.trusts(address),
    serverFactory(handler) {
      handle = handler;
      return listener.server;
    },
  });
  if (name !== "metrics") telemetry?.requests(app, name);
  app.addHook("onResponse", async ({ method, routeOptions }, reply) => {
    const route = routeOptions.url ?? "none";
    metrics.http({ listener: name, route, method, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
  return {
    app,
    async open() {
      await app.ready();
      if (handle !== undefined) listener.serve(handle);
    },
    async close() {
      await app.close();
      await listener.close();
    },
  };
}

/** `/health`: the process serves. `/ready`: so do the parts it needs; else 503. Neither tells more to the world. */
export function healthRoutes(app: FastifyInstance, readiness: Readiness): void {
  app.get("/health", async (_, reply) => reply.header("Cache-Control", "no-store").send({ status: "ok" }));
  app.get("/ready", async (_, reply) => {
    const parts = await readiness.parts();
    const ready = Object.values(parts).every(Boolean);
    return reply
      .header("Cache-Control", "no-store")
      .status(ready ? 200 : 503)
      .send({ ready, parts });
  });
}
