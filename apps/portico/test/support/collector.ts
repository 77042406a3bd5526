import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A span as OTLP has it in JSON. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly events: readonly { readonly name: string; readonly timeUnixNano: string }[];
  readonly status?: { readonly code: number; readonly message?: string };
}

interface Document {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpSpan["attributes"] };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** A collector of OTLP over HTTP: it takes what the protocol allows, and answers the rest with 400. */
export class Collector {
  readonly #server: Server;
  /** Texts of the documents that were taken. */
  readonly taken: string[] = [];
  /** What was wrong with those that were not. */
  readonly faults: string[] = [];
  /** Requests so far, and the status of the next ones; 200: as they deserve. */
  requests = 0;
  status = 200;

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part: string) => (text += part));
      request.on("end", () => {
        this.requests += 1;
        if (this.status !== 200) {
          response.writeHead(this.status).end();
          return;
        }
        const fault = faultOf(request.method, request.url, request.headers["content-type"], text);
        if (fault === undefined) this.taken.push(text);
        else this.faults.push(fault);
        response.writeHead(fault === undefined ? 200 : 400, { "Content-Type": "application/json" }).end("{}");
      });
    });
  }

  /** @param onEnd what closes it after the test */
  static async open(onEnd: (close: () => Promise<void>) => unknown = onTestFinished): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((done) => collector.#server.listen(0, "127.0.0.1", done));
    onEnd(() => collector.close());
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get spans(): OtlpSpan[] {
    const documents = this.taken.map((text) => JSON.parse(text) as Document);
    return documents.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

export const attributesOf = ({ attributes }: Pick<OtlpSpan, "attributes">): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** OTLP 1, "OTLP/HTTP request" and its JSON encoding. */
function faultOf(method = "", path = "", type = "", text: string): string | undefined {
  if (method !== "POST" || path !== "/v1/traces" || type !== "application/json") return `${method} ${path} ${type}`;
  const { resourceSpans } = JSON.parse(text) as Document;
  for (const { resource, scopeSpans } of resourceSpans) {
    if (attributesOf(resource)["service.name"] !== "portico") return "no service.name";
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      const { traceId, spanId, parentSpanId = "0123456789abcdef", kind, name } = span;
      const times = [span.startTimeUnixNano, span.endTimeUnixNano, ...span.events.map((one) => one.timeUnixNano)];
      if (!/^[\da-f]{32}$/.test(traceId) || ![spanId, parentSpanId].every((id) => /^[\da-f]{16}$/.test(id)))
        return "ids";
      if (!times.every((time) => /^\d{19}$/.test(time)) || BigInt(times[0] ?? 0) > BigInt(times[1] ?? 0))
        return "times";
      if (!(kind >= 1 && kind <= 5) || name === "") return "kind or name";
      const values = span.attributes.flatMap(({ value }) => Object.entries(value));
      if (values.length !== span.attributes.length) return "values";
      if (!values.every(([what, value]) => (what === "intValue" ? /^-?\d+$/.test(String(value)) : true)))
        return "integers";
    }
  }
  return undefined;
}
