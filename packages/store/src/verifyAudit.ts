import type { KeyObject } from "node:crypto";
import type { Audit, AuditHead, AuditLink } from "./audit.ts";
import { chainOf, linkHash, personRef, tenantOf } from "./auditChain.ts";
import { type Checkpoint, isGenuine } from "./checkpoints.ts";

/** What is wrong with a chain, at the first place where it shows. */
export interface AuditFault {
  readonly tenant: string | undefined;
  readonly seq: number;
  /**
   * - `missing`: a record before others is gone
   * - `changed`: a record is not the one that was appended
   * - `person`: the person named with it is not the one it was appended for
   * - `truncated`: records at the end are gone, as a checkpoint or the chain's own note of its end says, or that note is
   * - `replaced`: the record is not the one a checkpoint saw: history was rolled back and written anew
   * - `signature`: a checkpoint of this place is not genuine
   */
  readonly what: "missing" | "changed" | "person" | "truncated" | "replaced" | "signature";
}

export interface AuditVerdict {
  readonly chains: number;
  readonly records: number;
  /** At most one a chain. */
  readonly faults: readonly AuditFault[];
}

const pageSize = 1000;

/**
 * Checks every chain from its first record, and against checkpoints that were kept outside. Without checkpoints it
 * cannot tell that a whole end of a chain was cut off or written anew by someone who can compute hashes.
 *
 * @param key the public Ed25519 key of the checkpoints
 * @param only the one tenant whose chain to check; absent: all
 */
export async function verifyAudit(
  store: { readonly audit: Audit },
  checkpoints: readonly Checkpoint[],
  key: KeyObject,
  only?: string,
): Promise<AuditVerdict> {
  // Before the links: what is appended while they are read does not matter.
  const heads = new Map((await store.audit.heads()).map((head) => [chainOf(head.tenant), head]));
  const seen = Map.groupBy(checkpoints, ({ tenant }) => chainOf(tenant));
  const written = (await store.audit.chains()).map(chainOf);
  const all = [...new Set([...heads.keys(), ...seen.keys(), ...written])].toSorted();
  const chains = only === undefined ? all : all.filter((chain) => chain === chainOf(only));
  const faults: AuditFault[] = [];
  let records = 0;
  for (const chain of chains) {
    const tenant = tenantOf(chain);
    const result = await verifyChain(store.audit, tenant, heads.get(chain), seen.get(chain) ?? [], key);
    records += result.records;
    if (result.fault !== undefined) faults.push({ tenant, ...result.fault });
  }
  return { chains: chains.length, records, faults };
}

interface ChainVerdict {
  readonly records: number;
  readonly fault?: Omit<AuditFault, "tenant">;
}

async function verifyChain(
  audit: Audit,
  tenant: string | undefined,
  head: AuditHead | undefined,
  checkpoints: readonly Checkpoint[],
  key: KeyObject,
): Promise<ChainVerdict> {
  const forged = checkpoints.find((checkpoint) => !isGenuine(checkpoint, key));
  if (forged !== undefined) return { records: 0, fault: { seq: forged.seq, what: "signature" } };
  if (head === undefined) return { records: 0, fault: { seq: 1, what: "truncated" } };
  const end = Math.max(head.seq, ...checkpoints.map(({ seq }) => seq));
  const promised = Map.groupBy([...checkpoints, head], ({ seq }) => seq);
  let previous = "";
  let seq = 0;
  while (seq < end) {
    const links = await audit.links(tenant, seq, Math.min(pageSize, end - seq));
    if (links.length === 0) return { records: seq, fault: { seq: seq + 1, what: "truncated" } };
    for (const link of links) {
      const what = faultOf(link, seq + 1, previous, promised.get(link.seq) ?? []);
      if (what !== undefined) return { records: seq, fault: { seq: seq + 1, what } };
      ({ seq, hash: previous } = link);
    }
  }
  return { records: seq };
}

function faultOf(
  link: AuditLink,
  seq: number,
  previous: string,
  promised: readonly { readonly hash: string }[],
): AuditFault["what"] | undefined {
  if (link.seq !== seq) return "missing";
  if (link.previous !== previous || linkHash(link) !== link.hash) return "changed";
  if (promised.some(({ hash }) => hash !== link.hash)) return "replaced";
  const { identified, chain } = link;
  return identified !== undefined && personRef(identified.salt, chain, identified.person) !== link.person
    ? "person"
    : undefined;
}
