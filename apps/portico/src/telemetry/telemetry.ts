import { AsyncLocalStorage } from "node:async_hooks";
import type { EpcscfEvent } from "@portico/epcscf";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type ExporterOptions, SpanExporter } from "./exporter.ts";
import { registrationSpan, sessionSpans } from "./sipSpans.ts";
import { below, readTraceContext, type TraceContext, traceHeaders } from "./traceContext.ts";

/** What the rest of the portal knows of it. */
export interface Telemetry {
  /** A span for each request from now on, below the one that its `traceparent` names. */
  requests(app: FastifyInstance, listener: "public" | "admin"): void;
  /** Spans of registrations and calls, each when it has ended. */
  note(event: EpcscfEvent): void;
  /** Headers for a request to another node made on behalf of the request at hand. */
  outgoing(): Record<string, string>;
  /** Sends what waits. */
  close(): Promise<void>;
}

/** Loaded only where the configuration asks for it. */
export function openTelemetry(o: ExporterOptions): Telemetry {
  const exporter = new SpanExporter(o);
  const current = new AsyncLocalStorage<TraceContext>();
  return {
    requests(app, listener) {
      const began = new WeakMap<
        FastifyRequest,
        { context: TraceContext; parentId: string | undefined; begin: number }
      >();
      app.addHook("onRequest", (request, _, done) => {
        const { traceparent, tracestate } = request.headers;
        const parent = readTraceContext(traceparent, tracestate);
        const context = below(parent);
        began.set(request, { context, parentId: parent?.spanId, begin: Date.now() });
        current.run(context, done);
      });
      app.addHook("onResponse", async (request, reply) => {
        const from = began.get(request);
        if (from === undefined) return;
        // The route as it is registered, not the URL: that may hold anything.
        const route = request.routeOptions.url;
        const { method } = request;
        exporter.add({
          ...from,
          name: route === undefined ? method : `${method} ${route}`,
          kind: "server",
          end: from.begin + reply.elapsedTime,
          attributes: {
            "http.request.method": method,
            ...(route === undefined ? {} : { "http.route": route }),
            "http.response.status_code": reply.statusCode,
            "portico.listener": listener,
          },
          error: reply.statusCode >= 500 ? `status ${reply.statusCode}` : undefined,
        });
      });
    },
    note(event) {
      if (event.type === "alarm" || event.change !== "ended") return;
      const spans = event.type === "session" ? sessionSpans(event) : [registrationSpan(event, Date.now())];
      for (const span of spans) exporter.add(span);
    },
    outgoing() {
      const context = current.getStore();
      return context === undefined ? {} : traceHeaders(context);
    },
    close: () => exporter.close(),
  };
}
