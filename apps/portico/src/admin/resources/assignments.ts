import type { Assignment, Lease, LeaseFilter } from "@portico/store";
import { Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import {
  at,
  closed,
  defaultLimit,
  id,
  inTenant,
  instant,
  named,
  oneOf,
  pageSchema,
  paging,
  tenantId,
  text,
} from "../fields.ts";

export const assignmentSchema = named("Assignment", {
  id: text(64),
  tenant: tenantId,
  impu: text(255),
  issuer: Type.String({ description: "iss of the user's identity provider; empty once erased, as subject." }),
  subject: Type.String({ description: "sub of the user." }),
  pseudonym: text(64, "What tokens call the user."),
  startedAt: instant(),
  endedAt: Type.Optional(instant("Absent: it lives.")),
  endReason: Type.Optional(text(100)),
});

const leaseSchema = named("Lease", {
  id: text(64, "sid of its access tokens."),
  assignment: text(64, "Id of the assignment it uses."),
  impu: text(255),
  clientId: text(255),
  startedAt: instant(),
  expiresAt: instant(),
  tokenUntil: instant("End of the last access token issued under it."),
  endedAt: Type.Optional(instant("Absent: it lives.")),
});

const state = Type.Optional(oneOf(["live", "ended"], "Absent: both."));
const impu = Type.Optional(text(255, "Only those of this identity."));
const byId = Type.Object({ tenant: tenantId, id: id("Id of a list.") }, closed);

export const assignmentEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listAssignments",
    method: "GET",
    path: "/tenants/{tenant}/assignments",
    tag: "assignments",
    summary: "Who holds or held which identity, newest first",
    params: inTenant,
    query: Type.Object(
      { ...paging, impu, state, subject: Type.Optional(text(255, "Only those of users of this sub.")) },
      closed,
    ),
    success: { status: 200, description: "A page of assignments.", body: pageSchema("Assignment", assignmentSchema) },
    async handle({ store }, { params, query }) {
      const limit = query.limit ?? defaultLimit;
      const { items, next } = await pageBy("assignments", query, (before) =>
        store.assignments.page({ tenant: params.tenant, ...chosen(query), ...before }, limit + 1),
      );
      return { body: pageOf("assignments", items, limit, { place: next, show: shownAssignment }) };
    },
  }),
  endpoint({
    id: "assignIdentity",
    method: "POST",
    path: "/tenants/{tenant}/assignments",
    tag: "assignments",
    summary: "Assign an identity to a user before she comes, or confirm the one she holds",
    guard: "create",
    params: inTenant,
    body: named("NewAssignment", {
      clientId: Type.Optional(text(255, "On whose behalf; absent: the tenant's first client.")),
      issuer: Type.Optional(text(255, "iss of the user; absent: the tenant's first identity provider.")),
      subject: text(255, "sub of the user."),
      impu: Type.Optional(text(255, "Absent: as the tenant's rules choose.")),
    }),
    success: {
      status: 201,
      description: "What she holds now.",
      body: named("AssignedIdentity", { impu: text(255), tel: Type.Optional(text(16)) }),
    },
    problems: ["state_conflict", "unusable"],
    async handle({ waf }, { params, body }) {
      const { clientId, ...user } = body;
      const client = waf.clientOf(params.tenant, clientId);
      if (client === undefined) throw new AdminError("unusable", { detail: "the tenant has no such client" });
      return { body: await waf.assign(client, user) };
    },
  }),
  endpoint({
    id: "getAssignment",
    method: "GET",
    path: "/tenants/{tenant}/assignments/{id}",
    tag: "assignments",
    summary: "An assignment, live or ended",
    params: byId,
    success: { status: 200, description: "The assignment.", body: assignmentSchema },
    async handle({ store }, { params }) {
      return { body: shownAssignment(mine(params.tenant, await store.assignments.get(params.id))) };
    },
  }),
  endpoint({
    id: "endAssignment",
    method: "DELETE",
    path: "/tenants/{tenant}/assignments/{id}",
    tag: "assignments",
    summary: "End an assignment with every session on it; its identity rests, then goes to others",
    params: byId,
    success: { status: 204, description: "It has ended." },
    async handle({ store, waf }, { principal, params }) {
      const found = mine(params.tenant, await store.assignments.get(params.id));
      if (found.endedAt === undefined) await waf.endAssignment(found.impu, "ended_by_administration", principal.actor);
      return {};
    },
  }),
  endpoint({
    id: "listLeases",
    method: "GET",
    path: "/tenants/{tenant}/leases",
    tag: "assignments",
    summary: "Web sessions that use or used an identity, newest first",
    params: inTenant,
    query: Type.Object({ ...paging, impu, state }, closed),
    success: { status: 200, description: "A page of leases.", body: pageSchema("Lease", leaseSchema) },
    async handle({ store }, { params, query }) {
      const limit = query.limit ?? defaultLimit;
      const { items, next } = await pageBy("leases", query, (before) =>
        store.leases.page({ tenant: params.tenant, ...chosen(query), ...before }, limit + 1),
      );
      return { body: pageOf("leases", items, limit, { place: next, show: shownLease }) };
    },
  }),
  endpoint({
    id: "getLease",
    method: "GET",
    path: "/tenants/{tenant}/leases/{id}",
    tag: "assignments",
    summary: "A lease, live or ended",
    params: byId,
    success: { status: 200, description: "The lease.", body: leaseSchema },
    async handle({ store }, { params }) {
      return { body: shownLease(mine(params.tenant, await store.leases.get(params.id))) };
    },
  }),
  endpoint({
    id: "endLease",
    method: "DELETE",
    path: "/tenants/{tenant}/leases/{id}",
    tag: "assignments",
    summary: "End a web session: its tokens, registration and calls",
    params: byId,
    success: { status: 204, description: "It has ended." },
    async handle({ store, waf }, { params }) {
      const found = mine(params.tenant, await store.leases.get(params.id));
      await waf.endLease(found.id, "ended_by_administration");
      return {};
    },
  }),
];

interface Query {
  readonly cursor?: string;
  readonly impu?: string;
  readonly state?: "live" | "ended";
  readonly subject?: string;
}

/** The filter of the store that a query asks for. */
function chosen({ impu: ofImpu, state: wanted, subject }: Query): Omit<LeaseFilter, "tenant"> & { subject?: string } {
  return {
    ...(ofImpu === undefined ? {} : { impu: ofImpu }),
    ...(wanted === undefined ? {} : { live: wanted === "live" }),
    ...(subject === undefined ? {} : { subject }),
  };
}

/** Items newest first, after the place of the cursor. */
async function pageBy<T extends { readonly startedAt: number; readonly id: string }>(
  list: string,
  { cursor }: Query,
  read: (place: { before?: { startedAt: number; id: string } }) => Promise<T[]>,
): Promise<{ items: T[]; next: (item: T) => [number, string] }> {
  const place = placeOf(list, cursor, ["number", "string"]);
  const items = await read(place === undefined ? {} : { before: { startedAt: place[0], id: place[1] } });
  return { items, next: ({ startedAt, id: last }) => [startedAt, last] };
}

/** @throws AdminError `not_found` */
function mine<T extends { readonly tenant: string }>(tenant: string, found: T | undefined): T {
  if (found?.tenant !== tenant) throw new AdminError("not_found");
  return found;
}

export function shownAssignment({ startedAt, endedAt, endReason, ...rest }: Assignment) {
  return {
    ...rest,
    startedAt: at(startedAt),
    ...(endedAt === undefined ? {} : { endedAt: at(endedAt) }),
    ...(endReason === undefined ? {} : { endReason }),
  };
}

function shownLease({ id: sid, assignmentId, impu: of, clientId, startedAt, expiresAt, tokenUntil, endedAt }: Lease) {
  const times = { startedAt: at(startedAt), expiresAt: at(expiresAt), tokenUntil: at(tokenUntil) };
  const end = endedAt === undefined ? {} : { endedAt: at(endedAt) };
  return { id: sid, assignment: assignmentId, impu: of, clientId, ...times, ...end };
}
