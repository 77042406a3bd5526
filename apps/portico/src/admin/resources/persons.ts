import { type Assignment, type IssuedToken, type Lease, personOf, type Tables, type UserKey } from "@portico/store";
import { Type } from "typebox";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { at, inTenant, instant, named, text } from "../fields.ts";
import { assignmentSchema, leaseSchema, shownAssignment, shownLease } from "./assignments.ts";
import { recordSchema, shownRecord } from "./audit.ts";
import { callSchema, shownCall } from "./usage.ts";

/** In the body, so that no log of addresses holds it. */
const user = named("User", { issuer: text(255, "iss of her identity provider."), subject: text(255, "Her sub.") });

const count = Type.Integer({ minimum: 0 });
const token = named("PersonalToken", {
  jti: text(64),
  address: Type.String(),
  issuedAt: instant(),
  expiresAt: instant(),
});

export const personEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "exportPersonalData",
    method: "POST",
    path: "/tenants/{tenant}/personal-data/export",
    tag: "persons",
    summary: "Everything that is kept of a user",
    params: inTenant,
    body: user,
    success: {
      status: 200,
      description: "What there is; empty lists for a user nobody knows.",
      body: named("PersonalData", {
        issuer: text(255),
        subject: text(255),
        assignments: Type.Array(assignmentSchema),
        leases: Type.Array(leaseSchema),
        tokens: Type.Array(token),
        calls: Type.Array(callSchema),
        audit: Type.Array(recordSchema),
      }),
    },
    async handle({ store }, { params, body }) {
      const found = await keptOf(store, { tenant: params.tenant, ...body });
      const audit = await store.audit.page(params.tenant, all, { person: personOf(body) });
      return {
        body: {
          ...body,
          assignments: found.assignments.map(shownAssignment),
          leases: found.leases.map(shownLease),
          tokens: found.tokens.map(shownToken),
          calls: found.calls.map(shownCall),
          audit: audit.map(shownRecord),
        },
      };
    },
  }),
  endpoint({
    id: "erasePersonalData",
    method: "POST",
    path: "/tenants/{tenant}/personal-data/erase",
    tag: "persons",
    summary: "Forget who a user was; what happened and what is charged stays, without her",
    description:
      "Her assignment must have ended. The audit's chains stay whole; nobody can tell any more whom they mean.",
    params: inTenant,
    body: user,
    success: {
      status: 200,
      description: "What was taken out.",
      body: named("ErasedData", { assignments: count, leases: count, tokens: count, calls: count }),
    },
    problems: ["state_conflict"],
    async handle({ store, now }, { principal, params, body }) {
      const key = { tenant: params.tenant, ...body };
      const erased = await store.transaction(async (tables) => {
        const found = await keptOf(tables, key);
        if (found.assignments.some(({ endedAt }) => endedAt === undefined)) {
          throw new AdminError("state_conflict", { detail: "she holds an identity; end her assignment first" });
        }
        for (const { impu, startedAt, endedAt = now() } of found.assignments) {
          await tables.calls.erase(impu, startedAt, endedAt + 1);
        }
        for (const { id } of found.leases) await tables.issuedTokens.forgetAddresses(id);
        await tables.assignments.forget(key);
        await tables.audit.erase(params.tenant, personOf(body));
        const { assignments, leases, tokens, calls } = found;
        const counts = {
          assignments: assignments.length,
          leases: leases.length,
          tokens: tokens.length,
          calls: calls.length,
        };
        const event = { tenant: params.tenant, at: now(), actor: principal.actor, action: "person.erase", subject: "" };
        await tables.audit.append({ ...event, detail: counts });
        return counts;
      });
      return { body: erased };
    },
  }),
];

/** More than one user has. */
const all = 100_000;

async function keptOf(tables: Tables, key: UserKey) {
  const assignments: Assignment[] = await tables.assignments.page(key, all);
  const leases: Lease[] = [];
  const tokens: IssuedToken[] = [];
  const calls = [];
  for (const { id, impu, tenant, startedAt, endedAt } of assignments) {
    leases.push(...(await tables.leases.page({ tenant, assignmentId: id }, all)));
    const until = endedAt === undefined ? {} : { until: endedAt + 1 };
    calls.push(...(await tables.calls.page({ tenant, impu, from: startedAt, ...until }, all)));
  }
  for (const { id } of leases) tokens.push(...(await tables.issuedTokens.ofLease(id)));
  return { assignments, leases, tokens, calls };
}

function shownToken({ jti, address, issuedAt, expiresAt }: IssuedToken) {
  return { jti, address, issuedAt: at(issuedAt), expiresAt: at(expiresAt) };
}
