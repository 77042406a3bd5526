import type {
  CallRecord,
  MessageRecord,
  RecordFilter,
  RegistrationRecord,
  Store,
  SubscriptionRecord,
  UsageOfDay,
} from "@portico/store";
import { type Static, type TSchema, Type } from "typebox";
import type { OperationId } from "../access.ts";
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

export const registrationSchema = named("RegistrationRecord", {
  id: text(255),
  node: text(255),
  tenant: tenantId,
  clientId: text(255),
  impu: Type.String({ description: "Served user; empty once erased." }),
  icid: Type.String({
    description: "Of the first REGISTER; empty where none went to the IMS: users of a wildcarded block.",
  }),
  beganAt: instant("When the IMS granted it first."),
  renewedAt: instant("When the IMS granted it last; while it goes on, as beganAt."),
  registers: Type.Integer({
    minimum: 1,
    description: "REGISTERs granted; those after the first are counted at its end.",
  }),
  endedAt: Type.Optional(instant("Absent: it still goes on.")),
  endReason: Type.Optional(
    text(64, "Why it ended, as in events; interrupted: the node died, endedAt is when it was back."),
  ),
});

export const subscriptionSchema = named("SubscriptionRecord", {
  id: text(255),
  node: text(255),
  tenant: tenantId,
  clientId: text(255),
  impu: Type.String({ description: "Served user; empty once erased, as remote." }),
  remote: Type.String({ description: "Whose state is subscribed to, or who subscribes to the user's." }),
  direction: oneOf(["outgoing", "incoming"]),
  event: Type.String({ description: "Event package." }),
  expires: Type.Optional(Type.Integer({ minimum: 0, description: "Seconds granted; 0: it ends." })),
  icid: Type.String(),
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
  records({
    id: "listCalls",
    path: "calls",
    summary: "Call records of a tenant, newest first",
    schema: ["CallRecord", callSchema],
    page: ({ calls }, filter, limit) => calls.page(filter, limit),
    time: ({ beganAt }) => beganAt,
    show: shownCall,
  }),
  records({
    id: "listMessages",
    path: "messages",
    summary: "Records of a tenant's messages, newest first; never what they say",
    schema: ["MessageRecord", messageSchema],
    page: ({ messages }, filter, limit) => messages.page(filter, limit),
    time: ({ at: when }) => when,
    show: shownMessage,
  }),
  records({
    id: "listRegistrationRecords",
    path: "registration-records",
    summary: "Records of a tenant's registrations, those that are over too, newest first",
    schema: ["RegistrationRecord", registrationSchema],
    page: ({ registrationRecords }, filter, limit) => registrationRecords.page(filter, limit),
    time: ({ beganAt }) => beganAt,
    show: shownRegistration,
  }),
  records({
    id: "listSubscriptionRecords",
    path: "subscription-records",
    summary: "Records of each SUBSCRIBE of a tenant's users, or to them, newest first",
    schema: ["SubscriptionRecord", subscriptionSchema],
    page: ({ subscriptionRecords }, filter, limit) => subscriptionRecords.page(filter, limit),
    time: ({ at: when }) => when,
    show: shownSubscription,
  }),
];

/** A list of a tenant's records of one kind. */
function records<Row extends { readonly id: string }>(kind: {
  readonly id: OperationId;
  /** Below the tenant's. */
  readonly path: string;
  readonly summary: string;
  readonly schema: readonly [name: string, of: TSchema];
  page(store: Store, filter: RecordFilter, limit: number): Promise<Row[]>;
  /** By which they are in order. */
  time(row: Row): number;
  show(row: Row): unknown;
}): Endpoint {
  const { id, path, summary, schema } = kind;
  return endpoint({
    id,
    method: "GET",
    path: `/tenants/{tenant}/${path}`,
    tag: "usage",
    summary,
    params: inTenant,
    query: recordQuery,
    success: { status: 200, description: "A page of records.", body: pageSchema(...schema) },
    async handle({ store }, { params, query }) {
      const limit = query.limit ?? defaultLimit;
      const found = await kind.page(store, filterOf(path, params, query), limit + 1);
      const body = pageOf(path, found, limit, {
        place: (row) => [kind.time(row), row.id],
        show: (row) => kind.show(row),
      });
      return { body };
    },
  });
}

/** @throws AdminError `cursor_invalid` */
function filterOf(
  list: string,
  { tenant }: { readonly tenant: string },
  { impu, from, until, cursor }: Static<typeof recordQuery>,
): RecordFilter {
  const after = placeOf(list, cursor, ["number", "string"]);
  return {
    tenant,
    ...(impu === undefined ? {} : { impu }),
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
    ...(after === undefined ? {} : { before: { at: after[0], id: after[1] } }),
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

/** As {@link shownCall}. */
export function shownRegistration({ beganAt, renewedAt, endedAt, endReason, ...record }: RegistrationRecord) {
  const { id, node, tenant, clientId, impu, icid, registers } = record;
  return {
    id,
    node,
    tenant,
    clientId,
    impu,
    icid,
    beganAt: at(beganAt),
    renewedAt: at(renewedAt),
    registers,
    ...(endedAt === undefined ? {} : { endedAt: at(endedAt) }),
    ...(endReason === undefined ? {} : { endReason }),
  };
}

/** As {@link shownCall}. */
export function shownSubscription({ event, expires, ...record }: SubscriptionRecord) {
  return { ...shownMessage(record), event, ...(expires === undefined ? {} : { expires }) };
}
