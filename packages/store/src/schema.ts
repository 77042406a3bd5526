import type { Kysely } from "kysely";

/** Times are milliseconds since the epoch; ids are text. No column is written by more than one module. */
export interface BlockEntryRow {
  impu: string;
  tenant: string;
  /** Place in the block, from 1. */
  ordinal: number;
  impi: string;
  tel: string | null;
  /** 1 when the configuration no longer holds the entry: it is kept for its history and never assigned. */
  withdrawn: number;
  /** When it was last taken or given back; 0: never used. */
  used_at: number;
}

export interface AssignmentRow {
  id: string;
  tenant: string;
  impu: string;
  /** Issuer and subject of the identity provider: the key of the user. */
  issuer: string;
  subject: string;
  /** What tokens call the user. */
  pseudonym: string;
  started_at: number;
  ended_at: number | null;
  end_reason: string | null;
  quarantined_until: number | null;
}

export interface LeaseRow {
  /** Also the `sid` of access tokens: it stands for one web session and cannot be traced back to it. */
  id: string;
  assignment_id: string;
  tenant: string;
  impu: string;
  client_id: string;
  /** SHA-256 of the web session's id. */
  web_session: string;
  started_at: number;
  expires_at: number;
  /** End of the last access token issued under the lease. */
  token_until: number;
  /** Until when a registration may live in the core; null when none does. */
  registered_until: number | null;
  ended_at: number | null;
  end_reason: string | null;
}

interface RefreshTokenRow {
  /** SHA-256 of the token; the token itself is never stored. */
  hash: string;
  lease_id: string;
  /** Space-separated scopes that a renewed access token has. */
  scope: string;
  issued_at: number;
  expires_at: number;
  rotated_at: number | null;
}

/** One access token, by its id: what the audit needs to get from a token to its user. */
interface IssuedTokenRow {
  jti: string;
  lease_id: string;
  /** Address the request for it came from. */
  address: string;
  issued_at: number;
  expires_at: number;
}

interface SeenAssertionRow {
  client_id: string;
  jti: string;
  expires_at: number;
}

interface SuspensionRow {
  tenant: string;
  since: number;
}

/** All tables. */
export interface Schema {
  block_entry: BlockEntryRow;
  assignment: AssignmentRow;
  lease: LeaseRow;
  refresh_token: RefreshTokenRow;
  issued_token: IssuedTokenRow;
  seen_assertion: SeenAssertionRow;
  suspension: SuspensionRow;
}

/** The database, or one transaction on it. */
export type Database = Kysely<Schema>;
