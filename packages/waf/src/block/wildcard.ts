import type { BlockDocument } from "./definition.ts";
import { domainOf } from "./definition.ts";
import { userOf } from "./entries.ts";

/** The one subscription of a wildcarded block (ADM-04). */
export interface SharedSubscription {
  /** The distinct identity that is registered for all. */
  readonly impu: string;
  readonly impi: string;
}

/** The subscription of a block, where it is one. */
export function sharedSubscription(
  tenant: string,
  { wildcard }: BlockDocument,
  homeDomain: string,
): SharedSubscription | undefined {
  if (wildcard === undefined) return undefined;
  const { impu, impi = `${userOf(impu)}.${tenant}@${homeDomain}` } = wildcard;
  return { impu, impi };
}

/** An entry as it is registered: with the subscription of its block, where that is one, instead of one of its own. */
export function registeredAs<Entry extends { readonly block: string; readonly impi: string }>(
  entry: Entry,
  tenant: { readonly id: string; readonly blocks: readonly BlockDocument[] } | undefined,
  homeDomain: string,
): Entry & { readonly shared?: SharedSubscription } {
  const block = tenant?.blocks.find(({ id }) => id === entry.block);
  const shared = tenant && block && sharedSubscription(tenant.id, block, homeDomain);
  return shared === undefined ? entry : { ...entry, impi: shared.impi, shared };
}

/**
 * The wildcarded identities of a block (TS 23.003 §13.4A): all of its domain, and the numbers of its entries.
 * @param numbers E.164 with `+`, in any order
 * @example
 * wildcardsOf({ id: "main", domain: "acme.ims.test", assignment: "sticky", quarantineSeconds: 0 }, "ims.test", ["+12125550198", "+12125550199"]);
 * // ["sip:!.*!@acme.ims.test", "tel:!\\+1212555019[8-9]!"]
 */
export function wildcardsOf(block: BlockDocument, homeDomain: string, numbers: readonly string[]): string[] {
  const ranges = rangesOf(numbers).flatMap(([from, to]) => expressions(from, to));
  return [`sip:!.*!@${domainOf(block, homeDomain)}`, ...ranges.map((digits) => `tel:!\\+${digits}!`)];
}

/** Numbers that follow each other, as the digits of the first and the last. */
function rangesOf(numbers: readonly string[]): [from: string, to: string][] {
  const digits = numbers.map((number) => number.slice(1));
  const sorted = digits.toSorted((one, other) => one.length - other.length || (one < other ? -1 : 1));
  const ranges: [string, string][] = [];
  for (const next of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && BigInt(next) - BigInt(last[1]) <= 1n && next.length === last[1].length) last[1] = next;
    else ranges.push([next, next]);
  }
  return ranges;
}

/** Extended regular expressions that match the numbers of a range and no others. @param to of as many digits as `from` */
function expressions(from: string, to: string): string[] {
  if (from === "") return [""];
  if (/^0+$/.test(from) && /^9+$/.test(to)) return [any(from.length)];
  const [low, high] = [Number(from[0]), Number(to[0])];
  const [lowRest, highRest] = [from.slice(1), to.slice(1)];
  if (low === high) return expressions(lowRest, highRest).map((rest) => `${low}${rest}`);
  const wholeLow = /^0*$/.test(lowRest);
  const wholeHigh = /^9*$/.test(highRest);
  const [first, last] = [wholeLow ? low : low + 1, wholeHigh ? high : high - 1];
  return [
    ...(wholeLow ? [] : expressions(lowRest, "9".repeat(lowRest.length)).map((rest) => `${low}${rest}`)),
    ...(first > last ? [] : [`${first === last ? first : `[${first}-${last}]`}${any(lowRest.length)}`]),
    ...(wholeHigh ? [] : expressions("0".repeat(highRest.length), highRest).map((rest) => `${high}${rest}`)),
  ];
}

const any = (digits: number): string => (digits === 0 ? "" : digits === 1 ? "[0-9]" : `[0-9]{${digits}}`);
