import { WafError } from "../errors.ts";
import type { Problem } from "../problems.ts";
import { type BlockDocument, domainOf } from "./definition.ts";

/** One subscription of a block: one IMPI, one SIP IMPU, and the tel alias in the same implicit registration set. */
export interface BlockEntry {
  readonly tenant: string;
  /** Id of the block. */
  readonly block: string;
  /** Place in the block, from 1. */
  readonly ordinal: number;
  readonly impu: string;
  readonly impi: string;
  /** E.164 number with `+`. */
  readonly tel: string | undefined;
}

/** Most generated entries of a block; those given one by one have the places after, imported ones those after these. */
const maxGenerated = 100_000;
/** First place of an imported entry. */
export const firstImported: number = 2 * maxGenerated + 1;
/**
 * The entries of a block, always the same for the same definition; a larger count only adds entries.
 *
 * @param tenant id of the tenant, part of each IMPI
 * @param homeDomain realm of the IMPIs (TS 23.003 §13.3)
 * @throws WafError `configuration`
 * @example
 * const block = { id: "main", domain: "acme.ims.test", count: 1, assignment: "sticky", quarantineSeconds: 60 } as const;
 * blockEntries("acme", block, "ims.test");
 * // [{ tenant: "acme", block: "main", ordinal: 1, impu: "sip:u0001@acme.ims.test", impi: "u0001.acme@ims.test", tel: undefined }]
 */
export function blockEntries(tenant: string, block: BlockDocument, homeDomain: string): BlockEntry[] {
  const [problem] = blockProblems(block);
  if (problem !== undefined) {
    throw new WafError("configuration", `block ${block.id} of ${tenant}${problem.path} ${problem.problem}`);
  }
  const domain = domainOf(block, homeDomain);
  const numbers = numbersOf(block);
  const count = block.count ?? size(block.numbers ?? []);
  const entries: BlockEntry[] = [];
  const add = (ordinal: number, user: string, o: { impu?: string; impi?: string; tel?: string | undefined }): void => {
    const impi = o.impi ?? `${user}.${tenant}@${homeDomain}`;
    entries.push({ tenant, block: block.id, ordinal, impu: o.impu ?? `sip:${user}@${domain}`, impi, tel: o.tel });
  };
  for (let ordinal = 1; ordinal <= count; ordinal++) {
    const number = numbers.next();
    const user = `${block.prefix ?? "u"}${String(ordinal).padStart(4, "0")}`;
    add(ordinal, user, { tel: number.done === true ? undefined : number.value });
  }
  for (const [n, entry] of (block.entries ?? []).entries()) add(maxGenerated + 1 + n, userOf(entry.impu), entry);
  return entries;
}

/** User part of a SIP URI. */
export function userOf(impu: string): string {
  return impu.slice("sip:".length, impu.indexOf("@"));
}

/** What a schema cannot say of a block; paths are those inside it. */
export function blockProblems(block: BlockDocument): Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string, problem: string): void => void problems.push({ path, problem });
  if (block.domain !== undefined && block.subDomain !== undefined) {
    refuse("", "has domain and subDomain; keep one of them");
  }
  if (block.domain === undefined && block.subDomain === undefined) refuse("", "has no host; give domain or subDomain");
  const ranges = block.numbers ?? [];
  for (const [n, { from, to }] of ranges.entries()) {
    const path = `/numbers/${n}`;
    if (to === undefined && n < ranges.length - 1) refuse(path, "lacks to; only the last range may be open");
    if (to === undefined && block.count === undefined) refuse(path, "lacks to; or give the block a count");
    if (to !== undefined && (to.length !== from.length || to < from)) refuse(`${path}/to`, "does not follow from");
  }
  problems.push(...wildcardProblems(block));
  if (problems.length > 0) return problems;
  const last = ranges.at(-1);
  const known = size(ranges);
  if (known > maxGenerated) refuse("/numbers", `are ${known}; a block generates ${maxGenerated} at most`);
  const open = Math.max(0, (block.count ?? 0) - known);
  if (last !== undefined && last.to === undefined && open > 0) {
    if (follow(last.from, open - 1).length !== last.from.length) {
      refuse(`/numbers/${ranges.length - 1}`, "runs out of digits before the count is reached");
    }
  }
  return problems;
}

function* wildcardProblems({ wildcard, prefix = "u", entries = [] }: BlockDocument): Generator<Problem> {
  if (wildcard === undefined) return;
  const generated = new RegExp(`^sip:${prefix}\\d{4,}@`);
  if (generated.test(wildcard.impu) || entries.some(({ impu }) => impu === wildcard.impu)) {
    yield { path: "/wildcard/impu", problem: "is an identity of a user of the block" };
  }
  for (const [n, { impi }] of entries.entries()) {
    if (impi !== undefined)
      yield { path: `/entries/${n}/impi`, problem: "has no use in a block with wildcard; remove it" };
  }
}

/** Numbers of all closed ranges. */
function size(ranges: NonNullable<BlockDocument["numbers"]>): number {
  return ranges.reduce((sum, { from, to }) => sum + (to === undefined ? 0 : distance(from, to) + 1), 0);
}

function* numbersOf(block: BlockDocument): Generator<string> {
  for (const { from, to } of block.numbers ?? []) {
    const length = to === undefined ? maxGenerated : distance(from, to) + 1;
    for (let n = 0; n < length; n++) yield follow(from, n);
  }
}

const follow = (number: string, by: number): string => `+${BigInt(number.slice(1)) + BigInt(by)}`;
const distance = (from: string, to: string): number => Number(BigInt(to.slice(1)) - BigInt(from.slice(1)));
