import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { WafError } from "../errors.ts";
import { problemsOf } from "../problems.ts";
import { closed } from "../schema.ts";

const destination = Type.String({
  pattern: "^(\\+[1-9][0-9]{0,14}|internal|national|international)$",
  description: "internal, national, international, or the begin of an E.164 number with +",
});
const destinations = Type.Array(destination, { maxItems: 100, uniqueItems: true });
const clock = Type.String({ pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$", description: "time as HH:MM" });

const hours = Type.Object(
  {
    /** IANA name, for example `Europe/Berlin`. */
    timeZone: Type.String({ minLength: 1, maxLength: 64 }),
    days: Type.Array(Type.Enum(["mo", "tu", "we", "th", "fr", "sa", "su"]), { minItems: 1, uniqueItems: true }),
    from: clock,
    /** First minute outside; at or before `from` it is that of the next day. */
    to: clock,
  },
  closed,
);

/** What the bearer of a token may do with the services of its scope (WAF-11, RFC 8898 §3). What is absent is not restricted. */
export const restrictionsSchema = Type.Object(
  {
    services: Type.Optional(Type.Array(Type.Enum(["voice", "video", "message", "data"]), { uniqueItems: true })),
    /** mo: may call; mt: may be called. */
    direction: Type.Optional(Type.Array(Type.Enum(["mo", "mt"]), { uniqueItems: true })),
    /** Destinations she may call; a number must begin with, or belong to, one of them. */
    mo: Type.Optional(destinations),
    /** Destinations she may not call, also when `mo` has them. */
    not_mo: Type.Optional(destinations),
    /** Calls at once. */
    max_sessions: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    /** She may call and be called in one of these windows only. */
    hours: Type.Optional(Type.Array(hours, { minItems: 1, maxItems: 20 })),
    /** A dialled emergency number: refused with advice, or routed where the operator's network can. */
    emergency: Type.Optional(Type.Enum(["refuse", "route"])),
    /** False: no TURN credentials are given. */
    turn: Type.Optional(Type.Boolean()),
  },
  closed,
);

export type Restrictions = Static<typeof restrictionsSchema>;
type HoursWindow = Static<typeof hours>;

/**
 * Claim `restr` of an access token. As {@link Restrictions}, but `hours` is a list of lists: each of the lists must
 * have a window that contains the moment, so that two parties' hours apply together.
 */
export type RestrictionsClaim = Omit<Restrictions, "hours"> & { readonly hours?: readonly (readonly HoursWindow[])[] };

const check = Compile(restrictionsSchema);

/** @throws WafError `restrictions_refused` for a text that is no JSON of {@link restrictionsSchema} */
export function parseRestrictions(json: string): Restrictions {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new WafError("restrictions_refused", "restrictions is no JSON");
  }
  const [problem] = [...problemsOf(restrictionsSchema, check.Errors(value)), ...badZones(value)];
  if (problem !== undefined || !check.Check(value)) {
    throw new WafError("restrictions_refused", `restrictions${problem?.path ?? ""} ${problem?.problem ?? ""}`);
  }
  return value;
}

/** Windows whose time zone this machine does not know. */
export function badZones(value: unknown): { path: string; problem: string }[] {
  const windows = (value as { hours?: unknown } | null)?.hours;
  if (!Array.isArray(windows)) return [];
  return windows.flatMap((window: { timeZone?: unknown } | null, n) => {
    const zone = window?.timeZone;
    return typeof zone !== "string" || isZone(zone)
      ? []
      : [{ path: `/hours/${n}/timeZone`, problem: "is no IANA time zone" }];
  });
}

function isZone(name: string): boolean {
  try {
    Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * The tenant's restrictions and those a request adds: a request narrows, and one that asks for more than the tenant
 * may is refused rather than cut, since its sender is mistaken about what the user will be able to do (WAF-11).
 *
 * @param country country code with + of the tenant's national numbers; absent: none is known
 * @throws WafError `restrictions_refused`
 */
export function narrowed(
  own: RestrictionsClaim | undefined,
  asked: Restrictions | undefined,
  country: string | undefined,
): RestrictionsClaim | undefined {
  if (asked === undefined) return own;
  refuseMore("services", asked.services, own?.services, (one, all) => all.includes(one));
  refuseMore("direction", asked.direction, own?.direction, (one, all) => all.includes(one));
  refuseMore("mo", asked.mo, own?.mo, (one, all) => all.some((each) => covers(each, one, country)));
  if ((asked.max_sessions ?? 0) > (own?.max_sessions ?? Infinity))
    refuse("max_sessions", `at most ${own?.max_sessions}`);
  if (asked.emergency === "route" && own?.emergency === "refuse") refuse("emergency", "refuse");
  if (asked.turn === true && own?.turn === false) refuse("turn", "false");
  const { hours: asking, not_mo: denied, ...rest } = asked;
  const together = [...(own?.hours ?? []), ...(asking === undefined ? [] : [asking])];
  const never = [...new Set([...(own?.not_mo ?? []), ...(denied ?? [])])];
  return {
    ...own,
    ...rest,
    ...(together.length === 0 ? {} : { hours: together }),
    ...(never.length === 0 ? {} : { not_mo: never }),
  };
}

/** The restrictions of a tenant as a claim. */
export function claimOf(own: Restrictions | undefined): RestrictionsClaim | undefined {
  if (own === undefined) return undefined;
  const { hours: windows, ...rest } = own;
  return windows === undefined ? rest : { ...rest, hours: [windows] };
}

function refuseMore<T extends string>(
  name: string,
  asked: readonly T[] | undefined,
  own: readonly T[] | undefined,
  within: (one: T, all: readonly T[]) => boolean,
): void {
  if (asked === undefined || own === undefined) return;
  if (!asked.every((one) => within(one, own))) refuse(name, own.join(" ") || "nothing");
}

function refuse(name: string, allowed: string): never {
  throw new WafError("restrictions_refused", `${name} may be narrowed only; this tenant has ${allowed}`);
}

/** True when every number of `inner` is one of `outer`. */
function covers(outer: string, inner: string, country: string | undefined): boolean {
  if (outer === inner) return true;
  if (!inner.startsWith("+")) return false;
  if (outer.startsWith("+")) return inner.startsWith(outer);
  if (country === undefined) return false;
  if (outer === "national") return inner.startsWith(country);
  return outer === "international" && !inner.startsWith(country) && !country.startsWith(inner);
}
