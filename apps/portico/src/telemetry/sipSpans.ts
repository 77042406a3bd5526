import type { EpcscfEvent } from "@portico/epcscf";
import type { Span } from "./span.ts";
import { below } from "./traceContext.ts";

type Ended<T extends EpcscfEvent["type"]> = Extract<EpcscfEvent, { readonly type: T; readonly change: "ended" }>;

/** The whole life of a registration. @param end milliseconds since the epoch */
export function registrationSpan({ registration, reason, confirmed }: Ended<"registration">, end: number): Span {
  return {
    context: below(undefined),
    parentId: undefined,
    name: "registration",
    kind: "internal",
    begin: registration.since,
    end,
    attributes: {
      "portico.tenant": registration.tenant,
      "portico.reason": reason,
      "portico.confirmed": confirmed,
    },
  };
}

/** A call, and below it its two legs: that which called the portal, and that which the portal called. */
export function sessionSpans({ session, end, legs }: Ended<"session">): Span[] {
  const { tenant, direction, since, answeredAt } = session;
  const context = below(undefined);
  // RFC 3261 §21.5 and §21.6: the server or everybody failed; a refusal is no failure.
  const error = end.status >= 500 && end.status < 600 ? `status ${end.status}` : undefined;
  const attributes = {
    "portico.tenant": tenant,
    "portico.direction": direction,
    "portico.ended_by": end.by,
    "portico.sip.status": end.status,
  };
  const events = answeredAt === undefined ? [] : [{ at: answeredAt, name: "answered" }];
  const span = (part: Pick<Span, "context" | "parentId" | "name" | "kind" | "begin">, more: object = {}): Span => ({
    ...part,
    end: end.at,
    attributes: { ...attributes, ...more },
    error,
    events,
  });
  const calling = direction === "outgoing" ? "access" : "core";
  const spans = [span({ context, parentId: undefined, name: "call", kind: "internal", begin: since })];
  for (const [side, begin] of Object.entries(legs)) {
    const kind = side === calling ? "server" : "client";
    const part = { context: below(context), parentId: context.spanId, name: `${side} leg`, kind, begin } as const;
    spans.push(span(part, { "portico.leg": side }));
  }
  return spans;
}
