import type { StoredNode } from "@portico/store";
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
    id: "listNodes",
    method: "GET",
    path: "/nodes",
    tag: "node",
    summary: "The nodes of the portal that live, by name",
    success: {
      status: 200,
      description: "The nodes.",
      body: named("Nodes", {
        items: Type.Array(
          named("NodeOfPortal", {
            name: text(255, "Host and port on Mw."),
            adminUrl: Type.Optional(text(2048, "Where the other nodes reach its Admin API.")),
            seenAt: instant("When it last said that it lives, by its own clock."),
            self: Type.Boolean({ description: "It is the one that answers." }),
          }),
        ),
      }),
    },
    async handle({ nodes }) {
      const items = (await nodes.all()).map((one) => shownNode(one, nodes.self));
      return { body: { items } };
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

const shownNode = ({ name, adminUrl, seenAt }: StoredNode, self: string) => ({
  name,
  ...(adminUrl === undefined ? {} : { adminUrl }),
  seenAt: at(seenAt),
  self: name === self,
});
