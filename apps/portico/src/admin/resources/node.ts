import { Type } from "typebox";
import { roles } from "../access.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { at, instant, named, oneOf, tenantId, text } from "../fields.ts";

const count = Type.Integer({ minimum: 0 });

export const nodeEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "getNode",
    method: "GET",
    path: "/node",
    tag: "node",
    summary: "This node: what it is and what it carries",
    success: {
      status: 200,
      description: "The node.",
      body: named("Node", {
        name: text(255, "Host and port on Mw."),
        version: text(64),
        homeDomain: text(255),
        publicUrl: text(2048),
        startedAt: instant(),
        now: instant("The node's clock."),
        counts: named("NodeCounts", {
          flows: count,
          registrations: count,
          sessions: count,
          leftovers: Type.Integer({ minimum: 0, description: "Bindings of a run before that are still to be ended." }),
          streams: count,
        }),
      }),
    },
    async handle({ node, live, hub, now }) {
      const { startedAt, ...facts } = node;
      const counts = { ...live.counts, streams: hub.size };
      return { body: { ...facts, startedAt: at(startedAt), now: at(now()), counts } };
    },
  }),
  endpoint({
    id: "whoAmI",
    method: "GET",
    path: "/me",
    tag: "node",
    summary: "Whom these credentials stand for",
    success: {
      status: 200,
      description: "The caller.",
      body: named("Caller", {
        actor: text(300, "As the audit names it."),
        role: oneOf(roles),
        tenant: Type.Optional(tenantId),
        expiresAt: Type.Optional(instant()),
      }),
    },
    async handle(_, { principal: { actor, role, tenant, expiresAt } }) {
      const ends = expiresAt === undefined ? {} : { expiresAt: at(expiresAt) };
      return { body: { actor, role, ...(tenant === undefined ? {} : { tenant }), ...ends } };
    },
  }),
];
