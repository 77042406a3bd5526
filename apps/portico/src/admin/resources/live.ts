import type { RegistrationView, SessionView } from "@portico/epcscf";
import { Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { at, closed, defaultLimit, id, instant, named, oneOf, pageSchema, paging, tenantId, text } from "../fields.ts";
import { tenantWithin, within } from "../scope.ts";

const node = text(255, "The node that holds it: host and port on Mw.");
const impu = text(255, "Public user identity.");

const network = named(
  "NetworkView",
  {
    impi: text(255, "Private user identity."),
    associated: Type.Array(Type.String(), { description: "P-Associated-URI values, default first." }),
    serviceRoute: Type.Array(Type.String()),
    outbound: Type.Boolean({ description: "RFC 5626 is in force." }),
    chargingFunctions: Type.Optional(Type.String()),
    terminatingIoi: Type.Optional(Type.String()),
    scope: Type.Array(Type.String(), { description: "Scopes of the token." }),
  },
  "What the home network knows and has said: for operators alone.",
);

const registration = named("Registration", {
  id: text(255, "Names it as long as it lives."),
  tenant: tenantId,
  clientId: text(255, "The WWSF through which its user came."),
  impu,
  network: Type.Optional(network),
  lease: text(255, "Id of the lease under which it was made."),
  instance: Type.Optional(text(255, "+sip.instance of the browser's tab or device.")),
  node,
  since: instant(),
  grantedUntil: instant("End of the time the core has granted."),
  tokenUntil: instant("End of its access token."),
  flow: oneOf(["live", "lost"], "lost: the socket is gone and its grace time runs."),
  peer: Type.Optional(
    named("Peer", { family: oneOf(["IPv4", "IPv6"]), scope: oneOf(["loopback", "private", "public"]) }),
  ),
  sessions: Type.Integer({ minimum: 0, description: "Calls, in set-up or answered." }),
});

const session = named("Session", {
  id: text(255),
  registration: text(255, "Id of the registration of its user."),
  tenant: tenantId,
  clientId: text(255),
  impu,
  direction: oneOf(["outgoing", "incoming"], "Seen from the browser."),
  remote: text(2048, "URI of the other party."),
  icid: text(255, "ICID of its charging vector (RFC 7315 §5.6)."),
  state: oneOf(["setup", "answered"]),
  since: instant(),
  answeredAt: Type.Optional(instant()),
});

const filters = {
  tenant: Type.Optional(tenantId),
  impu: Type.Optional(text(255, "Only those of this identity.")),
};
const byId = Type.Object({ id: id("Id of a list.") }, closed);

export const liveEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listRegistrations",
    method: "GET",
    path: "/registrations",
    tag: "live",
    summary: "Live registrations, by id",
    query: Type.Object({ ...paging, ...filters, node: Type.Optional(node) }, closed),
    success: { status: 200, description: "A page of registrations.", body: pageSchema("Registration", registration) },
    async handle({ live }, { principal, scope, query }) {
      const tenant = tenantWithin(scope, query.tenant);
      const [after] = placeOf("registrations", query.cursor, ["string"]) ?? [""];
      const limit = query.limit ?? defaultLimit;
      const found = live
        .registrations(principal.role === "operator")
        .filter((one) => one.id > after && fits(one, { tenant, impu: query.impu, node: query.node }));
      return {
        body: pageOf("registrations", firsts(found, limit + 1), limit, {
          place: (one) => [one.id],
          show: shownRegistration,
        }),
      };
    },
  }),
  endpoint({
    id: "endRegistration",
    method: "DELETE",
    path: "/registrations/{id}",
    tag: "live",
    summary: "End a registration: its calls, its binding in the core, its socket",
    params: byId,
    success: {
      status: 200,
      description: "It has ended.",
      body: named("EndedRegistration", {
        confirmed: Type.Boolean({
          description: "False: the core did not answer; the binding ends with its granted time.",
        }),
      }),
    },
    async handle({ live }, { scope, params }) {
      const found = within(
        scope,
        live.registrations().find((one) => one.id === params.id),
      );
      const confirmed = await live.endRegistration(found.id);
      // It may have ended by itself meanwhile, which is what was asked for.
      return { body: { confirmed: confirmed ?? true } };
    },
  }),
  endpoint({
    id: "listSessions",
    method: "GET",
    path: "/sessions",
    tag: "live",
    summary: "Live calls, by id",
    query: Type.Object({ ...paging, ...filters, state: Type.Optional(oneOf(["setup", "answered"])) }, closed),
    success: { status: 200, description: "A page of calls.", body: pageSchema("Session", session) },
    async handle({ live }, { scope, query }) {
      const tenant = tenantWithin(scope, query.tenant);
      const [after] = placeOf("sessions", query.cursor, ["string"]) ?? [""];
      const limit = query.limit ?? defaultLimit;
      const found = live
        .sessions()
        .filter((one) => one.id > after && fits(one, { tenant, impu: query.impu, state: query.state }));
      return {
        body: pageOf("sessions", firsts(found, limit + 1), limit, { place: (one) => [one.id], show: shownSession }),
      };
    },
  }),
  endpoint({
    id: "releaseSession",
    method: "DELETE",
    path: "/sessions/{id}",
    tag: "live",
    summary: "Release a call: both parties get a BYE",
    params: byId,
    success: { status: 204, description: "It is released." },
    async handle({ live }, { scope, params }) {
      const found = within(
        scope,
        live.sessions().find((one) => one.id === params.id),
      );
      if (!live.releaseSession(found.id, "released by the operator")) throw new AdminError("not_found");
      return {};
    },
  }),
];

/** True when every wish that is given is met. */
function fits<T extends object>(one: T, wishes: { readonly [Name in keyof T]?: T[Name] | undefined }): boolean {
  return Object.entries(wishes).every(([name, wish]) => wish === undefined || one[name as keyof T] === wish);
}

/** The first ones by id. */
function firsts<T extends { readonly id: string }>(all: readonly T[], many: number): T[] {
  return all.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, many);
}

export function shownRegistration({ sessionId: lease, since, grantedUntil, tokenUntil, ...rest }: RegistrationView) {
  return { ...rest, lease, since: at(since), grantedUntil: at(grantedUntil), tokenUntil: at(tokenUntil) };
}

export function shownSession({ since, answeredAt, ...rest }: SessionView) {
  return { ...rest, since: at(since), ...(answeredAt === undefined ? {} : { answeredAt: at(answeredAt) }) };
}
