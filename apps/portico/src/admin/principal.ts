import type { Role } from "./access.ts";

/** Who makes a request, as authentication has found it. */
export interface Principal {
  /** What the audit calls it: `key:ID` or `oidc:SUBJECT`. */
  readonly actor: string;
  readonly role: Role;
  /** The one tenant of a tenant-admin. */
  readonly tenant: string | undefined;
  /** When the credentials end, milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
}
