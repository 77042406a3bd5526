import { Type } from "typebox";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { EventStream } from "../eventStream.ts";
import { type EventType, eventTypes } from "../events.ts";
import { closed, tenantId } from "../fields.ts";
import { tenantWithin } from "../scope.ts";
import type { AdminServices } from "../services.ts";

export const eventEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "streamEvents",
    method: "GET",
    path: "/events",
    tag: "events",
    summary: "What happens, as it happens: server-sent events",
    description:
      "Events registration, session, block, alarm and audit of all nodes that share their state; data is JSON and names the node it " +
      "happened on. A stream that comes back with Last-Event-ID to the same node is " +
      "first told what it missed; where that is no longer known, an event gap says that lists must be read anew, as it does when " +
      "something of another node was missed. A comment " +
      "comes every 15 seconds. A reader too slow for what happens is let go.",
    query: Type.Object(
      {
        tenant: Type.Optional(tenantId),
        types: Type.Optional(
          Type.String({
            pattern: `^(${eventTypes.join("|")})(,(${eventTypes.join("|")}))*$`,
            maxLength: 100,
            description: "Only events of these types, separated by commas.",
          }),
        ),
      },
      closed,
    ),
    success: { status: 200, description: "The stream.", types: ["text/event-stream"] },
    async handle(services, { principal: { actor }, scope, query, lastEventId, authorization }) {
      const { hub, streams, stillAuthorised } = services;
      const tenant = tenantWithin(scope, query.tenant);
      const types = query.types === undefined ? undefined : new Set(query.types.split(",") as EventType[]);
      refuseTooMany(services, actor);
      const stream = new EventStream({
        hub,
        owner: actor,
        wants: (event) =>
          (tenant === undefined || event.tenant === tenant) && (types === undefined || types.has(event.type)),
        after: lastEventId,
        allowed: () => stillAuthorised(authorization, actor),
        beat: streams.beat,
        maxPending: streams.maxPending,
      });
      return { stream, headers: { "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" } };
    },
  }),
];

/** @throws AdminError `too_many_requests`, `unavailable` */
function refuseTooMany({ hub, streams }: AdminServices, actor: string): void {
  const headers = { "Retry-After": "5" };
  if (hub.sizeOf(actor) >= streams.mostOfOne) {
    throw new AdminError("too_many_requests", { detail: "too many event streams of this caller", headers });
  }
  if (hub.size >= streams.most) throw new AdminError("unavailable", { detail: "too many event streams", headers });
}
