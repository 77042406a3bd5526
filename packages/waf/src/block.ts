import { WafError } from "./errors.ts";

/** A tenant's block of identities (TS 22.228 H.4: a block of numbers and a sub-domain), one subscription an entry. */
export interface BlockConfig {
  /** Host of the IMPUs, for example `acme.ims.test`. */
  readonly domain: string;
  /** E.164 number of the first entry, with `+`; the others follow it. Absent: the entries have no telephone number. */
  readonly firstNumber?: string;
  /** 1 to 100 000 entries. */
  readonly count: number;
  /** sticky: a user keeps her IMPU until the third party ends it. dynamic: until her last web session ends. */
  readonly assignment: "sticky" | "dynamic";
  /** Rest of an identity between two users, seconds, 0 or more. */
  readonly quarantineSeconds: number;
}

/** One subscription of a block: one IMPI, one SIP IMPU, and the tel alias in the same implicit registration set. */
export interface BlockEntry {
  readonly tenant: string;
  /** Which of the tenant's blocks. */
  readonly block: string;
  /** Place in the block, from 1. */
  readonly ordinal: number;
  readonly impu: string;
  readonly impi: string;
  /** E.164 number with `+`. */
  readonly tel: string | undefined;
}

const host = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62}\.)*[a-z0-9-]{1,63}$/;

/**
 * The entries of a block, always the same for the same configuration; a larger count only adds entries.
 *
 * @param tenant id of the tenant, part of each IMPI
 * @param homeDomain realm of the IMPIs (TS 23.003 §13.3)
 * @throws WafError `configuration`
 * @example
 * blockEntries("acme", { domain: "acme.ims.test", count: 1, assignment: "sticky", quarantineSeconds: 60 }, "ims.test");
 * // [{ tenant: "acme", block: "main", ordinal: 1, impu: "sip:u0001@acme.ims.test", impi: "u0001.acme@ims.test", tel: undefined }]
 */
export function blockEntries(tenant: string, block: BlockConfig, homeDomain: string): BlockEntry[] {
  const refuse = (what: string): never => {
    throw new WafError("configuration", `block of ${tenant}: ${what}`);
  };
  if (!host.test(block.domain)) refuse("domain is no lower-case host name");
  if (!host.test(homeDomain)) refuse("homeDomain is no lower-case host name");
  if (!Number.isInteger(block.count) || block.count < 1 || block.count > 100_000) refuse("count is not 1 to 100000");
  if (!(block.quarantineSeconds >= 0)) refuse("quarantineSeconds is negative");
  if (block.firstNumber !== undefined && !/^\+[1-9]\d{2,14}$/.test(block.firstNumber)) {
    refuse("firstNumber is no E.164 number with +");
  }
  const entries: BlockEntry[] = [];
  for (let ordinal = 1; ordinal <= block.count; ordinal++) {
    const user = `u${String(ordinal).padStart(4, "0")}`;
    const tel = block.firstNumber === undefined ? undefined : follow(block.firstNumber, ordinal - 1);
    if (tel !== undefined && tel.length !== block.firstNumber?.length) refuse("the numbers run out of digits");
    entries.push({
      tenant,
      block: "main",
      ordinal,
      impu: `sip:${user}@${block.domain}`,
      impi: `${user}.${tenant}@${homeDomain}`,
      tel,
    });
  }
  return entries;
}

const follow = (number: string, distance: number): string => `+${BigInt(number.slice(1)) + BigInt(distance)}`;

/** Entries as JSON text: an array of objects with tenant, impi, impu and, where there is one, tel. */
export function blockJson(entries: readonly BlockEntry[]): string {
  return `${JSON.stringify(
    entries.map(({ tenant, impi, impu, tel }) => ({ tenant, impi, impu, tel })),
    null,
    2,
  )}\n`;
}

/** Entries as CSV (RFC 4180) with a header line. */
export function blockCsv(entries: readonly BlockEntry[]): string {
  // Ids, host names and numbers were checked on the way in: none holds a comma or a quote.
  const lines = entries.map(({ tenant, impi, impu, tel }) => `${tenant},${impi},${impu},${tel ? `tel:${tel}` : ""}`);
  return ["tenant,impi,impu,alias", ...lines, ""].join("\r\n");
}
