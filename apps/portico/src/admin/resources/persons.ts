import type { CallRecord, MessageRecord, RegistrationRecord, Store, SubscriptionRecord, UserKey } from "@portico/store";
import { Type } from "typebox";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { inTenant, instant, named, text } from "../fields.ts";
import {
  callSchema,
  messageSchema,
  registrationSchema,
  shownCall,
  shownMessage,
  shownRegistration,
  shownSubscription,
  subscriptionSchema,
} from "./usage.ts";

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
        registrations: Type.Array(registrationSchema),
        subscriptions: Type.Array(subscriptionSchema),
        records: Type.Array(record, { description: "What the audit says of her." }),
      }),
    },
    async handle({ waf, store }, { params, body }) {
      const key = { tenant: params.tenant, ...body };
      const { calls, messages, registrations, subscriptions } = await recordsOf(store, key);
      const records = {
        calls: calls.map(shownCall),
        messages: messages.map(shownMessage),
        registrations: registrations.map(shownRegistration),
        subscriptions: subscriptions.map(shownSubscription),
      };
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

interface UsageRecords {
  readonly calls: CallRecord[];
  readonly messages: MessageRecord[];
  readonly registrations: RegistrationRecord[];
  readonly subscriptions: SubscriptionRecord[];
}

/** Records of the identities she held, while she held them. */
async function recordsOf(store: Store, key: UserKey): Promise<UsageRecords> {
  const { assignments, calls, messages, registrationRecords, subscriptionRecords } = store;
  const found: UsageRecords = { calls: [], messages: [], registrations: [], subscriptions: [] };
  for (const { tenant, impu, startedAt, endedAt } of await assignments.allOf(key)) {
    const until = endedAt === undefined ? {} : { until: endedAt + 1 };
    const hers = { tenant, impu, from: startedAt, ...until };
    found.calls.push(...(await calls.page(hers, all)));
    found.messages.push(...(await messages.page(hers, all)));
    found.registrations.push(...(await registrationRecords.page(hers, all)));
    found.subscriptions.push(...(await subscriptionRecords.page(hers, all)));
  }
  return found;
}
