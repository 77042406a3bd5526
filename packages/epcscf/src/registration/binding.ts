import type { Registration } from "./registration.ts";

/** What the core holds of one registration, as far as this node needs to end it there, even after a crash. */
export interface Binding {
  /** User part of the Contact; unique on its node. */
  readonly key: string;
  readonly impu: string;
  readonly impi: string;
  readonly tenant: string;
  /** The WAF's lease: `sid` of the access token it was made with. */
  readonly sessionId: string;
  /** Contact value toward the core, with instance and reg-id, without expires. */
  readonly contact: string;
  /** Path URI. */
  readonly path: string;
  /** End of the granted time, milliseconds since the epoch. */
  readonly grantedUntil: number;
}

/** Changes to the stored bindings of one node; a key stands in one of the two lists at most. */
export interface BindingChanges {
  readonly saved: readonly Binding[];
  /** Keys. */
  readonly removed: readonly string[];
}

/**
 * Keeps the bindings of each node beyond the life of its process (ARCHITECTURE: what is written before a 200 leaves).
 * What a call has written when its promise resolves survives a kill.
 */
export interface RegistrationStore {
  all(node: string): Promise<Binding[]>;
  /** Makes this node's own what nodes that are gone have left of wildcarded blocks. @returns that; one node gets each */
  inherit(node: string): Promise<Binding[]>;
  /** All of it, or nothing when it fails. */
  write(node: string, changes: BindingChanges): Promise<void>;
}

/** @param contactUri the portal's Contact. @param epoch what turns `grantedUntil` into milliseconds since the epoch. */
export function bindingOf(
  registration: Pick<Registration, "key" | "entry" | "claims" | "asked" | "path" | "grantedUntil">,
  contactUri: string,
  epoch: number,
): Binding {
  const { key, entry, claims, asked, path, grantedUntil } = registration;
  return {
    key,
    impu: entry.impu,
    impi: entry.impi,
    tenant: entry.tenant,
    sessionId: claims.sessionId,
    contact: `<${contactUri}>${asked.params}`,
    path,
    // A monotonic clock counts parts of a millisecond, which a database does not take for a whole number.
    grantedUntil: Math.ceil(grantedUntil + epoch),
  };
}
