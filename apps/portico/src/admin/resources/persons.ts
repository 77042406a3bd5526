import { type CallRecord, type MessageRecord, type Store, type UserKey } from "@portico/store";
import { Type } from "typebox";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { inTenant, instant, named, text } from "../fields.ts";
import { callSchema, messageSchema, shownCall, shownMessage } from "./usage.ts";

/** In the body, so that no log of addresses holds it. */
const user = named("User", { issuer: text(255, "iss of her identity provider."), subject: text(255, "Her sub.") });

const identity = named("PersonalIdentity", {
  impu: text(255),
  pseudonym: text(64, "What tokens called her."),
  from: instant(),
  until: Type.Optional(instant("Absent: she holds it.")),
  reason: Type.Optional(Type.String()),
  tokens: Type.Array(named("PersonalToken", { jti: text(64), at: instant(), address: Type.String() })),
});
const record = named("PersonalRecord", { at: instant(), actor: text(300), action: text(100), subject: Type.String() });

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
        identities: Type.Array(identity),
        calls: Type.Array(callSchema),
        messages: Type.Array(messageSchema),
        records: Type.Array(record, { description: "What the audit says of her." }),
      }),
    },
    async handle({ waf, store }, { params, body }) {
      const key = { tenant: params.tenant, ...body };
      const { calls, messages } = await recordsOf(store, key);
      const records = { calls: calls.map(shownCall), messages: messages.map(shownMessage) };
      return { body: { ...(await waf.people.export(key)), ...records } };
    },
  }),
  endpoint({
    id: "erasePersonalData",
    method: "POST",
    path: "/tenants/{tenant}/personal-data/erase",
    tag: "persons",
    summary: "Forget a user: her sessions and assignment end; what happened and what is charged stays, without her",
    params: inTenant,
    body: user,
    success: {
      status: 200,
      description: "How many assignments were hers.",
      body: named("ErasedData", { assignments: Type.Integer({ minimum: 0 }) }),
    },
    async handle({ waf }, { principal, params, body }) {
      const assignments = await waf.people.erase({ tenant: params.tenant, ...body }, { by: principal.actor });
      return { body: { assignments } };
    },
  }),
];

/** More than one user has of one identity. */
const all = 100_000;

/** Calls and messages of the identities she held, while she held them. */
async function recordsOf(
  store: Store,
  key: UserKey,
): Promise<{ readonly calls: CallRecord[]; readonly messages: MessageRecord[] }> {
  const { assignments } = store;
  const found: { calls: CallRecord[]; messages: MessageRecord[] } = { calls: [], messages: [] };
  for (const { tenant, impu, startedAt, endedAt } of await assignments.allOf(key)) {
    const until = endedAt === undefined ? {} : { until: endedAt + 1 };
    const hers = { tenant, impu, from: startedAt, ...until };
    found.calls.push(...(await store.calls.page(hers, all)));
    found.messages.push(...(await store.messages.page(hers, all)));
  }
  return found;
}
