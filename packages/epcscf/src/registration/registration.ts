import type { AccessClaims, BlockEntry, SharedSet } from "../ports.ts";
import { Tally } from "../tally.ts";
import type { Flow } from "../w2/flow.ts";
import type { AskedBinding } from "./contact.ts";
import type { Grant } from "./grant.ts";

/**
 * Why a registration ended; the browser and the WAF are told. `restarted`: nobody came back for it after a restart.
 * `taken-over`: the user goes on with it in another web session.
 */
export type EndReason =
  | "logout"
  | "connection-lost"
  | "token-expired"
  | "revoked"
  | "operator"
  | "network"
  | "not-in-block"
  | "core-unreachable"
  | "restarted"
  | "taken-over"
  | "expired"
  | "portal-closing";

const nobody: readonly string[] = [];

/** One live binding of a browser with the core. */
export class Registration {
  /** User part of the portal's own Contact for it; unforgeable, one per IMPU and instance (EPC-REG-17). */
  readonly key: string;
  readonly entry: BlockEntry;
  /** What the browser has asked for last. */
  asked: AskedBinding;
  claims: AccessClaims;
  /** Those the WAF was last told of it. */
  reported: AccessClaims | undefined;
  /** Undefined while the socket is lost and its grace time runs. */
  flow: Flow | undefined;
  /** What the core's last 200 said; absent until the first. */
  grant: Grant | undefined;
  /** P-Associated-URI values of the grant that the core has ended since (TS 24.229 §5.2.4). */
  withdrawn: readonly string[] = nobody;
  /** Milliseconds since the epoch at which the core has granted it first. */
  since = 0;
  /** The same of its last grant. */
  grantedAt = 0;
  /** REGISTERs that it has granted. */
  registers = 0;
  /** Clock time, ms, at which the granted registration ends. */
  grantedUntil = 0;
  lostAt: number | undefined;
  path = "";
  /** Why it is over; undefined while it lives. */
  ended: EndReason | undefined;

  constructor(options: { key: string; entry: BlockEntry; asked: AskedBinding; claims: AccessClaims; flow: Flow }) {
    this.key = options.key;
    this.entry = options.entry;
    this.asked = options.asked;
    this.claims = options.claims;
    this.flow = options.flow;
  }

  get impu(): string {
    return this.entry.impu;
  }

  /** The core has granted it, or done so again. @param now clock time, ms. @param at milliseconds since the epoch. */
  granted(grant: Grant, now: number, at: number): void {
    this.grant = grant;
    this.withdrawn = nobody;
    this.grantedAt = at;
    if (this.grantedUntil === 0) this.since = at;
    this.grantedUntil = now + grant.seconds * 1000;
  }

  /** Clock time, ms, of its last grant. */
  get grantedFrom(): number {
    return this.grantedUntil - (this.grant?.seconds ?? 0) * 1000;
  }

  /** Route values of requests toward the core, nearest first. */
  get serviceRoute(): readonly string[] {
    return this.grant?.serviceRoute ?? [];
  }

  /** P-Associated-URI values; the first is the default identity (TS 24.229 §5.2.2.1). */
  get associated(): readonly string[] {
    const granted = this.grant?.associated ?? [`<${this.impu}>`];
    if (this.withdrawn.length === 0) return granted;
    const left = granted.filter((value) => !this.withdrawn.includes(value));
    return left.length > 0 ? left : [`<${this.impu}>`];
  }

  /**
   * True where the core holds a binding of its own that this node vouches for, and has to end: not for a user whose own Digest speaks for
   * her, nor for one for whom a wildcard of her block stands (ADM-04).
   */
  get vouched(): boolean {
    return this.claims.own !== true && this.entry.shared === undefined;
  }

  /** What the WAF knows it by. */
  get facts(): { readonly impu: string; readonly sessionId: string } {
    return { impu: this.impu, sessionId: this.claims.sessionId };
  }

  /** URI of the Contact as the browser wrote it. */
  get accessContact(): string {
    return this.asked.uri ?? "";
  }
}

/** All live registrations of this node, by each key they are looked up with. */
export class Registrations {
  readonly #byKey = new Map<string, Registration>();
  readonly #byFlow = new Map<Flow, Registration>();
  readonly #byImpu = new Map<string, readonly Registration[]>();
  /** Users of wildcarded blocks. */
  readonly #bySet = new Map<string, Set<Registration>>();
  /** Keys by tenant. */
  readonly tally: Tally = new Tally();

  get size(): number {
    return this.#byKey.size;
  }

  all(): IterableIterator<Registration> {
    return this.#byKey.values();
  }

  byKey(key: string): Registration | undefined {
    return this.#byKey.get(key);
  }

  byFlow(flow: Flow): Registration | undefined {
    return this.#byFlow.get(flow);
  }

  /** Registrations for which a wildcard of this set stands. */
  sharing(set: SharedSet): ReadonlySet<Registration> {
    return this.#bySet.get(setName(set)) ?? nobodyOfIt;
  }

  /** One for each tab and device of the user. @param impu in a wildcarded block also a tel URI of hers */
  ofImpu(impu: string): readonly Registration[] {
    return this.#byImpu.get(impu) ?? none;
  }

  put(registration: Registration): void {
    const { key, entry, flow } = registration;
    if (!this.#byKey.has(key)) {
      for (const name of namesOf(entry)) this.#byImpu.set(name, this.ofImpu(name).concat(registration));
      this.tally.add(entry.tenant, key);
      if (entry.shared !== undefined) this.#share(entry.shared, registration);
    }
    this.#byKey.set(key, registration);
    if (flow !== undefined) this.#byFlow.set(flow, registration);
  }

  /** Moves a registration to another flow, or to none. @returns the flow it had. */
  move(registration: Registration, flow: Flow | undefined): Flow | undefined {
    const before = registration.flow;
    if (before === flow) return before;
    if (before !== undefined) this.#byFlow.delete(before);
    registration.flow = flow;
    if (flow !== undefined) this.#byFlow.set(flow, registration);
    return before;
  }

  remove(registration: Registration): void {
    const { key, entry, flow } = registration;
    if (flow !== undefined && this.#byFlow.get(flow) === registration) this.#byFlow.delete(flow);
    if (this.#byKey.get(key) !== registration) return;
    this.#byKey.delete(key);
    this.tally.remove(entry.tenant, key);
    for (const name of namesOf(entry)) {
      const left = this.ofImpu(name).filter((other) => other !== registration);
      if (left.length > 0) this.#byImpu.set(name, left);
      else this.#byImpu.delete(name);
    }
    if (entry.shared !== undefined) this.#bySet.get(setName(entry.shared))?.delete(registration);
  }

  #share(set: SharedSet, registration: Registration): void {
    const users = this.#bySet.get(setName(set)) ?? new Set();
    this.#bySet.set(setName(set), users.add(registration));
  }
}

/** Tells sets apart. */
export function setName({ impu, impi }: SharedSet): string {
  return `${impu} ${impi}`;
}

/** What the core may call a user by who has no binding of her own there; everybody else it calls by her Contact. */
function namesOf({ impu, tel, shared }: BlockEntry): readonly string[] {
  return shared === undefined || tel === undefined ? [impu] : [impu, `tel:${tel}`];
}

const none: readonly Registration[] = [];
const nobodyOfIt: ReadonlySet<Registration> = new Set();
