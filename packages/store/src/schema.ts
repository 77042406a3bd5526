import type { Kysely } from "kysely";

/** Times are milliseconds since the epoch; ids are text. No column is written by more than one module. */
export interface BlockEntryRow {
  impu: string;
  tenant: string;
  /** Which of the tenant's blocks it is in. */
  block_id: string;
  /** `file`: of the configuration; `api`: of the admin API. */
  source: "file" | "api";
  /** Place in the block, from 1. */
  ordinal: number;
  impi: string;
  tel: string | null;
  /** 1 when the entry is in no block any more: it is kept for its history and never assigned. */
  withdrawn: number;
  /** The live assignment. */
  held_by: string | null;
  /** While nobody holds it: from when on it may be given to another user; 0: never used. */
  free_at: number;
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

export interface RefreshTokenRow {
  /** SHA-256 of the token; the token itself is never stored. */
  hash: string;
  lease_id: string;
  /** Space-separated scopes that a renewed access token has. */
  scope: string;
  issued_at: number;
  expires_at: number;
  rotated_at: number | null;
  /** Hash of the token in whose place it was given. */
  parent: string | null;
  /** 1 when another was given in its place before it was ever used. */
  superseded: number;
  /** JSON. */
  restrictions: string | null;
  /** Thumbprint of a key. */
  proof_key: string | null;
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

/** How often rows of a kind have changed. */
interface ChangeCountRow {
  topic: string;
  count: number;
}

export interface TenantRow {
  id: string;
  version: number;
  source: "file" | "api";
  /** JSON. */
  document: string;
  created_at: number;
  updated_at: number;
}

export interface ApiKeyRow {
  id: string;
  /** SHA-256 of the secret. */
  hash: string;
  name: string;
  role: "operator" | "tenant-admin" | "auditor";
  tenant: string | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

interface IdempotencyRow {
  principal: string;
  key: string;
  request_hash: string;
  /** HTTP status of the answer; null until there is one. */
  status: number | null;
  body: string | null;
  created_at: number;
}

interface AuditHeadRow {
  /** Id of the tenant; `*`: the operator's chain. */
  chain: string;
  seq: number;
  hash: string;
}

export interface AuditRow {
  chain: string;
  /** Place in the chain, from 1. */
  seq: number;
  at: number;
  actor: string;
  action: string;
  subject: string;
  /** Stands for the person concerned: `ref` of `audit_person`. */
  person: string | null;
  /** JSON. */
  detail: string;
  prev_hash: string;
  hash: string;
}

/** Who is meant in the audit; deleted when a person is erased. */
interface AuditPersonRow {
  /** SHA-256 over salt, chain and person. */
  ref: string;
  chain: string;
  person: string;
  salt: string;
  /** Time of the newest record about her. */
  last_at: number;
}

/** A binding in the core, as its eP-CSCF must know it to end it after a crash. */
interface RegistrationRow {
  /** The eP-CSCF that made it. */
  node: string;
  /** User part of the Contact toward the core. */
  key: string;
  impu: string;
  impi: string;
  tenant: string;
  lease_id: string;
  contact: string;
  path: string;
  granted_until: number;
}

export interface CallRow {
  id: string;
  node: string;
  tenant: string;
  client_id: string;
  /** Empty once erased, as the next two. */
  impu: string;
  impi: string;
  remote: string;
  direction: "outgoing" | "incoming";
  icid: string;
  began_at: number;
  answered_at: number | null;
  ended_at: number | null;
  ended_by: string | null;
  /** SIP status that says why. */
  status: number | null;
  /** When it was last known to live. */
  seen_at: number;
}

export interface MessageRow {
  id: string;
  node: string;
  tenant: string;
  client_id: string;
  impu: string;
  impi: string;
  remote: string;
  direction: "outgoing" | "incoming";
  icid: string;
  at: number;
  /** Final SIP status. */
  status: number;
}

export interface RegistrationRecordRow {
  id: string;
  node: string;
  tenant: string;
  client_id: string;
  /** Empty once erased, as the next one. */
  impu: string;
  impi: string;
  /** Of the first REGISTER. */
  icid: string;
  began_at: number;
  /** When the last REGISTER that is counted was granted. */
  renewed_at: number;
  registers: number;
  ended_at: number | null;
  end_reason: string | null;
}

export interface SubscriptionRow extends MessageRow {
  event: string;
  /** Seconds. */
  expires: number | null;
}

export interface UsageDayRow {
  tenant: string;
  client_id: string;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  calls: number;
  answered: number;
  seconds: number;
  registrations: number;
  messages: number;
}

/** Private keys that the nodes share. */
interface KeptKeysRow {
  name: string;
  version: number;
  /** Ciphertext: what opens it is not in the database. */
  sealed: string;
}

interface NodeRow {
  name: string;
  admin_url: string | null;
  seen_at: number;
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
  change_count: ChangeCountRow;
  tenant: TenantRow;
  api_key: ApiKeyRow;
  idempotency: IdempotencyRow;
  audit_head: AuditHeadRow;
  audit: AuditRow;
  audit_person: AuditPersonRow;
  registration: RegistrationRow;
  call_record: CallRow;
  message_record: MessageRow;
  registration_record: RegistrationRecordRow;
  subscription_record: SubscriptionRow;
  usage_day: UsageDayRow;
  kept_keys: KeptKeysRow;
  node: NodeRow;
}

/** The database, or one transaction on it. */
export type Database = Kysely<Schema>;
