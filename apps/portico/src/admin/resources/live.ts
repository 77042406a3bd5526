import type { RegistrationView, SessionView } from "@portico/epcscf";
import { type TSchema, Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Answer, type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { at, closed, defaultLimit, id, instant, named, oneOf, pageSchema, paging, tenantId, text } from "../fields.ts";
import { tenantWithin, within } from "../scope.ts";
import type { AdminServices } from "../services.ts";

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
  node,
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
  node: Type.Optional(text(255, "Only those that this node holds.")),
};
const byId = Type.Object({ id: id("Id of a list.") }, closed);
const onNode = Type.Object(
  { node: Type.Optional(text(255, "The node that holds it; absent: whichever does.")) },
  closed,
);

/** Answer of a list of what lives on several nodes. */
function livePage<S extends TSchema>(title: string, item: S) {
  return named(`${title}Page`, {
    ...pageSchema(title, item).properties,
    silent: Type.Optional(
      Type.Array(text(255), { description: "Nodes that did not answer: what they hold is not in the list." }),
    ),
  });
}

export const liveEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listRegistrations",
    method: "GET",
    path: "/registrations",
    tag: "live",
    summary: "Live registrations of all nodes, by id",
    query: Type.Object({ ...paging, ...filters }, closed),
    success: { status: 200, description: "A page of registrations.", body: livePage("Registration", registration) },
    async handle(services, { principal, scope, query, authorization }) {
      const tenant = tenantWithin(scope, query.tenant);
      const own = (): Shown[] =>
        services.live
          .registrations(principal.role === "operator")
          .filter((one) => fits(one, { tenant, impu: query.impu }))
          .map(shownRegistration);
      return { body: await pageOfAll("registrations", services, { query, authorization, own }) };
    },
  }),
  endpoint({
    id: "endRegistration",
    method: "DELETE",
    path: "/registrations/{id}",
    tag: "live",
    summary: "End a registration: its calls, its binding in the core, its socket",
    params: byId,
    query: onNode,
    success: {
      status: 200,
      description: "It has ended.",
      body: named("EndedRegistration", {
        confirmed: Type.Boolean({
          description: "False: the core did not answer; the binding ends with its granted time.",
        }),
      }),
    },
    async handle(services, { scope, params, query, authorization }) {
      const { live } = services;
      const found = isHere(services, query.node) && live.registrations().find((one) => one.id === params.id);
      if (!found) return await askedElsewhere(services, `/registrations/${params.id}`, query.node, authorization);
      within(scope, found);
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
    summary: "Live calls of all nodes, by id",
    query: Type.Object({ ...paging, ...filters, state: Type.Optional(oneOf(["setup", "answered"])) }, closed),
    success: { status: 200, description: "A page of calls.", body: livePage("Session", session) },
    async handle(services, { scope, query, authorization }) {
      const tenant = tenantWithin(scope, query.tenant);
      const own = (): Shown[] =>
        services.live
          .sessions()
          .filter((one) => fits(one, { tenant, impu: query.impu, state: query.state }))
          .map((one) => Object.assign(shownSession(one), { node: services.nodes.self }));
      return { body: await pageOfAll("sessions", services, { query, authorization, own }) };
    },
  }),
  endpoint({
    id: "releaseSession",
    method: "DELETE",
    path: "/sessions/{id}",
    tag: "live",
    summary: "Release a call: both parties get a BYE",
    params: byId,
    query: onNode,
    success: { status: 204, description: "It is released." },
    async handle(services, { scope, params, query, authorization }) {
      const { live } = services;
      const found = isHere(services, query.node) && live.sessions().find((one) => one.id === params.id);
      if (!found) return await askedElsewhere(services, `/sessions/${params.id}`, query.node, authorization);
      within(scope, found);
      if (!live.releaseSession(found.id, "released by the operator")) throw new AdminError("not_found");
      return {};
    },
  }),
];

/** An item of a list, of whatever node. */
interface Shown {
  readonly id: string;
}

interface Page {
  readonly items: readonly Shown[];
  readonly nextCursor?: string;
}

const isHere = ({ nodes }: AdminServices, wanted: string | undefined): boolean =>
  wanted === undefined || wanted === nodes.self;

/** A page of what all nodes hold, or the one that the query names; each gives its first ones, and of these come the first. */
async function pageOfAll(
  list: "registrations" | "sessions",
  { nodes }: AdminServices,
  o: {
    readonly query: { readonly cursor?: string; readonly limit?: number; readonly node?: string };
    readonly authorization: string | undefined;
    /** Those of this node. */
    readonly own: () => Shown[];
  },
): Promise<Page & { silent?: string[] }> {
  const { query, authorization } = o;
  const [after] = placeOf(list, query.cursor, ["string"]) ?? [""];
  const limit = query.limit ?? defaultLimit;
  const others = query.node === nodes.self ? [] : await nodes.others();
  const asked = others.filter(({ name }) => query.node === undefined || query.node === name);
  const answers = await Promise.all(
    asked.map((other) => {
      const wanted = new URLSearchParams(
        Object.entries({ ...query, node: other.name }).map(([k, v]) => [k, String(v)]),
      );
      return nodes.ask(other, "GET", `/${list}?${wanted.toString()}`, authorization);
    }),
  );
  const pages = answers.flatMap((answer) => (answer?.status === 200 ? [answer.body as Page] : []));
  const own = query.node === undefined || query.node === nodes.self ? o.own().filter(({ id: one }) => one > after) : [];
  const found = firsts([...own, ...pages.flatMap(({ items }) => items)], limit + 1);
  const page = pageOf(list, found, limit, { place: (one) => [one.id], show: (one) => one });
  // A node that has more than it told has it behind the last one it told.
  const more = page.nextCursor ?? pages.map(({ nextCursor }) => nextCursor).find((cursor) => cursor !== undefined);
  const silent = asked.filter((_, n) => answers[n]?.status !== 200).map(({ name }) => name);
  return {
    items: page.items,
    ...(more === undefined ? {} : { nextCursor: more }),
    ...(silent.length === 0 ? {} : { silent }),
  };
}

/**
 * Does on another node what cannot be done here, because it does not hold it.
 * @throws AdminError `not_found`
 */
async function askedElsewhere(
  { nodes }: AdminServices,
  path: string,
  wanted: string | undefined,
  authorization: string | undefined,
): Promise<Answer> {
  if (wanted === nodes.self) throw new AdminError("not_found");
  for (const other of await nodes.others()) {
    if (wanted !== undefined && wanted !== other.name) continue;
    const answer = await nodes.ask(other, "DELETE", `${path}?node=${encodeURIComponent(other.name)}`, authorization);
    if (answer !== undefined && answer.status < 300) return { body: answer.body };
  }
  throw new AdminError("not_found");
}

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
