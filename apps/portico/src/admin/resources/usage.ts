import type { CallRecord, MessageRecord, UsageOfDay } from "@portico/store";
import { type Static, Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import {
  at,
  closed,
  defaultLimit,
  inTenant,
  instant,
  named,
  oneOf,
  pageSchema,
  paging,
  tenantId,
  text,
} from "../fields.ts";

const count = Type.Integer({ minimum: 0 });
const day = (description: string) => Type.String({ format: "date", maxLength: 10, description });

const counts = {
  calls: Type.Integer({ minimum: 0, description: "Calls that ended, answered or not." }),
  answered: count,
  seconds: Type.Integer({ minimum: 0, description: "Of answered calls, each rounded up to whole seconds." }),
  minutes: Type.Number({ minimum: 0, description: "seconds / 60." }),
  registrations: Type.Integer({ minimum: 0, description: "Initial registrations." }),
  messages: Type.Integer({ minimum: 0, description: "Messages that were accepted." }),
};

const period = {
  from: day("First day, UTC."),
  until: day("The day after the last, UTC; at most 400 days after the first."),
};
const periodQuery = Type.Object(
  { ...period, by: Type.Optional(oneOf(["total", "day", "client"], "What a line sums up; absent: total.")) },
  closed,
);

const recordQuery = Type.Object(
  {
    ...paging,
    impu: Type.Optional(text(255, "Only those of this identity.")),
    from: Type.Optional(instant("Begun then or after.")),
    until: Type.Optional(instant("Begun before.")),
  },
  closed,
);

const line = named("UsageLine", {
  tenant: tenantId,
  day: Type.Optional(day("Where lines are by day.")),
  clientId: Type.Optional(text(255, "Where lines are by client.")),
  ...counts,
});
const report = named("UsageReport", { ...period, items: Type.Array(line) });

export const callSchema = named("CallRecord", {
  id: text(255),
  node: text(255),
  tenant: tenantId,
  clientId: text(255),
  impu: Type.String({ description: "Served user; empty once erased, as remote." }),
  remote: Type.String(),
  direction: oneOf(["outgoing", "incoming"]),
  icid: text(255),
  beganAt: instant(),
  answeredAt: Type.Optional(instant("Absent: nobody answered.")),
  endedAt: Type.Optional(instant("Absent: it still goes on.")),
  endedBy: Type.Optional(
    oneOf(
      ["access", "core", "portal", "interrupted"],
      "interrupted: the node died; endedAt is when it was last seen alive.",
    ),
  ),
  status: Type.Optional(Type.Integer({ description: "SIP status that says why it ended." })),
});

export const messageSchema = named("MessageRecord", {
  id: text(255),
  node: text(255),
  tenant: tenantId,
  clientId: text(255),
  impu: Type.String({ description: "Served user; empty once erased, as remote." }),
  remote: Type.String(),
  direction: oneOf(["outgoing", "incoming"]),
  icid: text(255),
  at: instant(),
  status: Type.Integer({ description: "SIP status that it was answered with." }),
});

export const usageEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listUsage",
    method: "GET",
    path: "/usage",
    tag: "usage",
    summary: "Usage of all tenants in a period, for settlement",
    query: periodQuery,
    success: { status: 200, description: "A line for each tenant that used anything.", body: report },
    problems: ["unusable"],
    async handle({ store }, { query }) {
      return { body: reportOf(query, await store.usage.between(checked(query))) };
    },
  }),
  endpoint({
    id: "getUsage",
    method: "GET",
    path: "/tenants/{tenant}/usage",
    tag: "usage",
    summary: "Usage of a tenant in a period, for settlement",
    params: inTenant,
    query: periodQuery,
    success: { status: 200, description: "The tenant's lines.", body: report },
    problems: ["unusable"],
    async handle({ store }, { params, query }) {
      return { body: reportOf(query, await store.usage.between(checked(query), params.tenant)) };
    },
  }),
  endpoint({
    id: "listCalls",
    method: "GET",
    path: "/tenants/{tenant}/calls",
    tag: "usage",
    summary: "Call records of a tenant, newest first",
    params: inTenant,
    query: recordQuery,
    success: { status: 200, description: "A page of records.", body: pageSchema("CallRecord", callSchema) },
    async handle({ store }, { params, query }) {
      const limit = query.limit ?? defaultLimit;
      const after = placeOf("calls", query.cursor, ["number", "string"]);
      const place = after === undefined ? {} : { before: { beganAt: after[0], id: after[1] } };
      const found = await store.calls.page({ ...filterOf(params, query), ...place }, limit + 1);
      return { body: pageOf("calls", found, limit, { place: (one) => [one.beganAt, one.id], show: shownCall }) };
    },
  }),
  endpoint({
    id: "listMessages",
    method: "GET",
    path: "/tenants/{tenant}/messages",
    tag: "usage",
    summary: "Records of a tenant's messages, newest first; never what they say",
    params: inTenant,
    query: recordQuery,
    success: { status: 200, description: "A page of records.", body: pageSchema("MessageRecord", messageSchema) },
    async handle({ store }, { params, query }) {
      const limit = query.limit ?? defaultLimit;
      const after = placeOf("messages", query.cursor, ["number", "string"]);
      const place = after === undefined ? {} : { before: { at: after[0], id: after[1] } };
      const found = await store.messages.page({ ...filterOf(params, query), ...place }, limit + 1);
      return { body: pageOf("messages", found, limit, { place: (one) => [one.at, one.id], show: shownMessage }) };
    },
  }),
];

function filterOf({ tenant }: { readonly tenant: string }, { impu, from, until }: Static<typeof recordQuery>) {
  return {
    tenant,
    ...(impu === undefined ? {} : { impu }),
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
  };
}

type Period = Static<typeof periodQuery>;

/** @throws AdminError `unusable` */
function checked({ from, until }: Period): { from: string; until: string } {
  const days = (Date.parse(until) - Date.parse(from)) / 86_400_000;
  if (!(days > 0 && days <= 400))
    throw new AdminError("unusable", { detail: "until must be 1 to 400 days after from" });
  return { from, until };
}

function reportOf({ from, until, by = "total" }: Period, days: readonly UsageOfDay[]): Static<typeof report> {
  const keyOf = (one: UsageOfDay): string =>
    JSON.stringify([one.tenant, by === "day" ? one.day : "", by === "client" ? one.clientId : ""]);
  const groups = [...Map.groupBy(days, keyOf).values()];
  return { from, until, items: groups.map((some) => lineOf(by, some as [UsageOfDay, ...UsageOfDay[]])) };
}

function lineOf(by: NonNullable<Period["by"]>, some: readonly [UsageOfDay, ...UsageOfDay[]]): Static<typeof line> {
  const sum = (name: "calls" | "answered" | "seconds" | "registrations" | "messages"): number =>
    some.reduce((total, one) => total + one[name], 0);
  const [{ tenant, day: date, clientId }] = some;
  const seconds = sum("seconds");
  return {
    tenant,
    ...(by === "day" ? { day: date } : {}),
    ...(by === "client" ? { clientId } : {}),
    calls: sum("calls"),
    answered: sum("answered"),
    seconds,
    minutes: Math.round((seconds / 60) * 100) / 100,
    registrations: sum("registrations"),
    messages: sum("messages"),
  };
}

/** The IMPI stays with the operator (PRV-01). */
export function shownCall({ beganAt, answeredAt, endedAt, endedBy, status, ...record }: CallRecord) {
  const { id, node, tenant, clientId, impu, remote, direction, icid } = record;
  return {
    id,
    node,
    tenant,
    clientId,
    impu,
    remote,
    direction,
    icid,
    beganAt: at(beganAt),
    ...(answeredAt === undefined ? {} : { answeredAt: at(answeredAt) }),
    ...(endedAt === undefined ? {} : { endedAt: at(endedAt) }),
    ...(endedBy === undefined ? {} : { endedBy }),
    ...(status === undefined ? {} : { status }),
  };
}

/** As {@link shownCall}. */
export function shownMessage({ at: when, ...record }: MessageRecord) {
  const { id, node, tenant, clientId, impu, remote, direction, icid, status } = record;
  return { id, node, tenant, clientId, impu, remote, direction, icid, at: at(when), status };
}
