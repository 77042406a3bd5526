import type { Epcscf, EpcscfEvent, Log } from "@portico/epcscf";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** Seconds; what is answered from memory takes tens of microseconds, what waits for the core some seconds. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 32];

/** Use of one tenant's block. */
interface BlockUse {
  readonly assigned: number;
  readonly resting: number;
  readonly free: number;
  /** Live leases: web sessions. */
  readonly sessions: number;
}

/** What is asked when somebody reads the figures. */
export interface MetricSources {
  readonly epcscf: Pick<Epcscf, "counts" | "registrations" | "sessions">;
  readonly media: { readonly size: number };
  readonly tenants: () => Promise<readonly string[]>;
  readonly blockUse: (tenant: string) => Promise<BlockUse>;
  /** Parts of the readiness, by name. */
  readonly parts: () => Promise<Readonly<Record<string, boolean>>>;
}

/** The figures of a node, for Prometheus. Labels hold tenants, never users. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #registers: Counter<"outcome">;
  readonly #registrationEnds: Counter<"tenant" | "reason">;
  readonly #sessionEnds: Counter<"tenant" | "direction" | "by" | "status">;
  readonly #alarms: Counter<"alarm">;
  readonly #http: Histogram<"listener" | "route" | "method" | "status">;
  readonly #core: Histogram<"method" | "status">;
  readonly #store: Histogram<"table" | "operation">;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
      new Counter({ name: `portico_${name}`, help, labelNames, registers });
    const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> =>
      new Histogram({ name: `portico_${name}`, help, labelNames, registers, buckets });
    this.#registers = counter("register_total", "REGISTER requests of browsers, by outcome or code of the refusal", [
      "outcome",
    ]);
    this.#registrationEnds = counter("registration_ends_total", "Registrations that ended", ["tenant", "reason"]);
    this.#sessionEnds = counter("session_ends_total", "Calls that ended, by who ended them and SIP status", [
      "tenant",
      "direction",
      "by",
      "status",
    ]);
    this.#alarms = counter("alarms_total", "What an operator must act on; the log has more", ["alarm"]);
    this.#http = histogram("http_request_seconds", "HTTP requests", ["listener", "route", "method", "status"]);
    this.#core = histogram("core_response_seconds", "Until the final response of the IMS core", ["method", "status"]);
    this.#store = histogram("store_seconds", "Operations on the database", ["table", "operation"]);
  }

  /** Text for Prometheus, and its type. */
  async text(): Promise<{ readonly type: string; readonly body: string }> {
    return { type: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** The gauges are read from here from now on. */
  readFrom(sources: MetricSources): void {
    const { epcscf, media, tenants, blockUse, parts } = sources;
    const gauge = <L extends string>(
      name: string,
      help: string,
      labelNames: readonly L[],
      collect: (set: (labels: Record<L, string>, value: number) => void) => void | Promise<void>,
    ): void => {
      const made: Gauge<L> = new Gauge({
        name: `portico_${name}`,
        help,
        labelNames,
        registers: [this.#registry],
        async collect() {
          made.reset();
          await collect((labels, value) => made.inc(labels as Partial<Record<L, string>>, value));
        },
      });
    };
    gauge("flows", "WebSockets of browsers", [], (set) => set({}, epcscf.counts.flows));
    gauge("media_contexts", "Media contexts of the gateway", [], (set) => set({}, media.size));
    gauge("registrations", "Live registrations", ["tenant", "flow"], (set) => {
      for (const { tenant, flow } of epcscf.registrations()) set({ tenant, flow }, 1);
    });
    gauge("sessions", "Calls", ["tenant", "direction", "state"], (set) => {
      for (const { tenant, direction, state } of epcscf.sessions()) set({ tenant, direction, state }, 1);
    });
    gauge("block_identities", "Identities of a tenant's block, by use", ["tenant", "use"], async (set) => {
      for (const tenant of await tenants()) {
        const { assigned, resting, free } = await blockUse(tenant);
        for (const [use, count] of Object.entries({ assigned, resting, free })) set({ tenant, use }, count);
      }
    });
    gauge("leases", "Live leases: web sessions with an identity", ["tenant"], async (set) => {
      for (const tenant of await tenants()) set({ tenant }, (await blockUse(tenant)).sessions);
    });
    gauge("up", "Parts a node needs: 1 when they answer", ["part"], async (set) => {
      for (const [part, up] of Object.entries(await parts())) set({ part }, up ? 1 : 0);
    });
  }

  /** Counts what the eP-CSCF tells. */
  note(event: EpcscfEvent): void {
    if (event.type === "alarm") return;
    if (event.type === "session") {
      if (event.change !== "ended") return;
      const { tenant, direction } = event.session;
      this.#sessionEnds.inc({ tenant, direction, by: event.end.by, status: String(event.end.status) });
    } else if (event.change === "ended") {
      this.#registrationEnds.inc({ tenant: event.registration.tenant, reason: event.reason });
    } else if (event.change === "registered" || event.change === "refreshed") {
      this.#registers.inc({ outcome: event.change });
    }
  }

  /** A log that counts alarms and refused REGISTERs on its way. */
  counting(log: Log): Log {
    return {
      info: (event, facts) => {
        if (event === "request.refused" && facts?.["method"] === "REGISTER") {
          this.#registers.inc({ outcome: String(facts["code"]) });
        }
        log.info(event, facts);
      },
      warn: (event, facts) => log.warn(event, facts),
      alarm: (event, facts) => {
        this.#alarms.inc({ alarm: event });
        log.alarm(event, facts);
      },
    };
  }

  /** @param route as it is registered, not the URL: that may hold anything. @param seconds from request to answer. */
  http(request: { listener: string; route: string; method: string; status: number }, seconds: number): void {
    this.#http.observe({ ...request, status: String(request.status) }, seconds);
  }

  core(method: string, status: number, seconds: number): void {
    this.#core.observe({ method, status: String(status) }, seconds);
  }

  store(table: string, operation: string, seconds: number): void {
    this.#store.observe({ table, operation }, seconds);
  }
}
