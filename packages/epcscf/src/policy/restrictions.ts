import { EpcscfError, TokenError } from "../errors.ts";
import { destinationClass, type DialPlan } from "./dialPlan.ts";

const services = ["voice", "video", "message", "data"] as const;

/** A service of IMS that a tenant may have. */
export type Service = (typeof services)[number];

const days = ["su", "mo", "tu", "we", "th", "fr", "sa"] as const;

/** A window of the week in which calls are allowed. */
interface Hours {
  readonly timeZone: string;
  readonly days: readonly string[];
  /** Minutes after midnight. */
  readonly from: number;
  /** First minute outside; at or before `from` it is that of the next day. */
  readonly to: number;
}

/** What the bearer of a token may do (claim `restr`; RFC 8898 §3, EPC-SES-16). What is absent is not restricted. */
export interface Restrictions {
  readonly services?: readonly string[];
  /** mo: may call; mt: may be called. */
  readonly direction?: readonly string[];
  /** Destinations she may call: `internal`, `national`, `international`, or the begin of an E.164 number with +. */
  readonly mo?: readonly string[];
  /** Destinations she may not call, also when `mo` has them. */
  readonly notMo?: readonly string[];
  /** Calls at once. */
  readonly maxSessions?: number;
  /** Each of the lists must have a window that contains the moment. */
  readonly hours?: readonly (readonly Hours[])[];
}

/**
 * Reads the claim `restr`. A restriction that cannot be understood restricts nothing, so the token is refused.
 * @throws TokenError
 */
export function readRestrictions(claim: unknown): Restrictions | undefined {
  if (claim === undefined) return undefined;
  const { services: some, direction, mo, not_mo, max_sessions, hours } = object(claim);
  return {
    ...(some === undefined ? {} : { services: texts(some) }),
    ...(direction === undefined ? {} : { direction: texts(direction) }),
    ...(mo === undefined ? {} : { mo: texts(mo) }),
    ...(not_mo === undefined ? {} : { notMo: texts(not_mo) }),
    ...(max_sessions === undefined ? {} : { maxSessions: count(max_sessions) }),
    ...(hours === undefined ? {} : { hours: list(hours).map((windows) => list(windows).map(readHours)) }),
  };
}

/** @throws EpcscfError `epcscf/service` unless scope and restrictions allow the service. */
export function checkService(service: Service, scope: readonly string[], restrictions?: Restrictions): void {
  const allowed = scope.includes(`ims.${service}`) && (restrictions?.services?.includes(service) ?? true);
  if (!allowed) throw new EpcscfError("epcscf/service");
}

/** @throws EpcscfError `epcscf/direction`, `epcscf/hours`. @param now milliseconds since the epoch. */
export function checkMoment(direction: "mo" | "mt", now: number, restrictions?: Restrictions): void {
  if (!(restrictions?.direction?.includes(direction) ?? true)) throw new EpcscfError("epcscf/direction");
  const within = restrictions?.hours?.every((windows) => windows.some((window) => contains(window, now))) ?? true;
  if (!within) throw new EpcscfError("epcscf/hours");
}

/** @param target as the dial plan gave it. @throws EpcscfError `epcscf/destination`. */
export function checkDestination(target: string, plan: DialPlan, restrictions?: Restrictions): void {
  if (restrictions === undefined) return;
  const kind = destinationClass(target, plan);
  const among = (destinations: readonly string[]): boolean =>
    destinations.some((one) => one === kind || (one.startsWith("+") && target.startsWith(`tel:${one}`)));
  const { mo, notMo = [] } = restrictions;
  if (among(notMo) || (mo !== undefined && !among(mo))) throw new EpcscfError("epcscf/destination");
}

function contains({ timeZone, days: weekdays, from, to }: Hours, now: number): boolean {
  const { day, minute } = localTime(timeZone, now);
  const on = (which: number): boolean => weekdays.includes(days[(which + 7) % 7] ?? "");
  if (from < to) return on(day) && minute >= from && minute < to;
  return (on(day) && minute >= from) || (on(day - 1) && minute < to);
}

/** Making one costs more than all else of a call's policy. */
const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(timeZone: string, now: number): { day: number; minute: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const parts = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone, ...parts });
    formats.set(timeZone, format);
  }
  const of = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const day = days.findIndex((name) => name === of.get("weekday")?.slice(0, 2).toLowerCase());
  return { day, minute: Number(of.get("hour")) * 60 + Number(of.get("minute")) };
}

function readHours(value: unknown): Hours {
  const { timeZone, days: weekdays, from, to } = object(value);
  if (typeof timeZone !== "string") throw wrong();
  const hours = { timeZone, days: texts(weekdays), from: minutes(from), to: minutes(to) };
  try {
    localTime(timeZone, 0);
  } catch {
    throw wrong();
  }
  return hours;
}

function minutes(value: unknown): number {
  const [, hour, minute] = /^(\d\d):(\d\d)$/.exec(typeof value === "string" ? value : "") ?? [];
  if (hour === undefined || minute === undefined) throw wrong();
  return Number(hour) * 60 + Number(minute);
}

function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw wrong();
  return value;
}

function texts(value: unknown): readonly string[] {
  return list(value).map((one) => {
    if (typeof one !== "string") throw wrong();
    return one;
  });
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong();
  return value;
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong();
  return value as Record<string, unknown>;
}

const wrong = (): TokenError => new TokenError("invalid_token", "the claim restr cannot be understood");
