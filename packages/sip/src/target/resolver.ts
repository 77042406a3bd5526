/**
 * A NAPTR record (RFC 3403 §4.1).
 *
 * @example
 * const overTls: NaptrRecord = {
 *   order: 10,
 *   preference: 1,
 *   flags: "s",
 *   service: "SIPS+D2T",
 *   replacement: "_sips._tcp.ims.example",
 * };
 */
export interface NaptrRecord {
  /** Lowest first; records of a higher one count only when none of a lower one can be used. */
  readonly order: number;
  /** Lowest first, among equal orders. */
  readonly preference: number;
  /** `s`, `a`, `u` or `p`. */
  readonly flags: string;
  /** For example `SIP+D2U`. */
  readonly service: string;
  readonly replacement: string;
}

/**
 * An SRV record (RFC 2782).
 *
 * @example
 * const first: SrvRecord = { priority: 1, weight: 100, port: 5061, target: "icscf1.ims.example" };
 */
export interface SrvRecord {
  /** Lowest first. */
  readonly priority: number;
  /** Share of the load among equal priorities, 0 to 65535. */
  readonly weight: number;
  readonly port: number;
  /** `.` says that there is no such service. */
  readonly target: string;
}

/**
 * DNS as the package sees it. A name without records of the kind gives an empty list; a promise that rejects (time-out, SERVFAIL)
 * counts as one without records.
 *
 * @example
 * // A network without a name server: one host, in a table.
 * const table: Resolver = {
 *   naptr: async () => [],
 *   srv: async () => [],
 *   addresses: async (name) => (name === "icscf.ims.example" ? ["192.0.2.10"] : []),
 * };
 */
export interface Resolver {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** A and AAAA, in the order to be tried (RFC 6724, RFC 7984 §3.1). */
  addresses(name: string): Promise<readonly string[]>;
}
