import { createHash } from "node:crypto";

/** JSON values, as a record's detail holds them. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** What happened, as it is given to the audit. Whatever is in it but `person` stays for ever. */
export interface AuditEvent {
  /** The tenant in whose chain it belongs; undefined: the operator's own chain. */
  readonly tenant: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who did it: an id such as that of an API key, never a name. */
  readonly actor: string;
  /** For example `tenant.suspend`. */
  readonly action: string;
  /** What it was done to, such as an IMPU or the id of a tenant. */
  readonly subject: string;
  /** The key of the person it concerns. It is kept apart and can be erased. */
  readonly person?: string | undefined;
  readonly detail?: { readonly [name: string]: Json };
}

/** A link of a chain. */
export interface AuditRecord extends AuditEvent {
  /** Place in the chain, from 1 without gaps. */
  readonly seq: number;
  /** Hash of the record before; empty for the first. */
  readonly previous: string;
  /** SHA-256, base64url. */
  readonly hash: string;
}

/** What a link's hash covers. */
export interface Link {
  readonly chain: string;
  readonly seq: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  /** {@link personRef} of the person, or null. */
  readonly person: string | null;
  /** JSON text as it is stored. */
  readonly detail: string;
  readonly previous: string;
}

const operatorChain = "*";

/** The name of a chain in the table: that of the tenant, which is never `*`. */
export const chainOf = (tenant: string | undefined): string => tenant ?? operatorChain;
export const tenantOf = (chain: string): string | undefined => (chain === operatorChain ? undefined : chain);

/** JSON encodes an array of strings and whole numbers in one way only, so the hash needs no other canonical form. */
export function linkHash(link: Link): string {
  return digest(
    JSON.stringify([
      link.chain,
      link.seq,
      link.at,
      link.actor,
      link.action,
      link.subject,
      link.person,
      link.detail,
      link.previous,
    ]),
  );
}

/** Stands for a person in a link. Without the salt, which goes when she is erased, nobody can tell whom it meant. */
export const personRef = (salt: string, chain: string, person: string): string =>
  digest(JSON.stringify([salt, chain, person]));

const digest = (text: string): string => createHash("sha256").update(text).digest("base64url");
