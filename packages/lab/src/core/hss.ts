import { AuthenticationCentre, type AuthenticationVector } from "./aka.ts";
import { identityKey } from "./identity.ts";
import type { SubscriberKey } from "./milenage.ts";
import { standsFor } from "./wildcard.ts";

/** What the operator has stored about one subscription. */
export interface Subscription {
  /** Private identity, `user@realm`. */
  readonly impi: string;
  /** Public identity, a SIP URI. */
  readonly impu: string;
  /** Global number such as `+12125550100`: the tel URI of the implicit registration set. */
  readonly tel?: string | undefined;
  /** Only subscriptions of telephones have one; without it a Digest registration is impossible. */
  readonly digestPassword?: string | undefined;
  /** What it shares with the user's USIM; without it a registration by AKA is impossible. */
  readonly aka?: SubscriberKey | undefined;
  /** TS 29.229 AVP 656: who may register this subscription as a WAF or WWSF; absent, the S-CSCF does not ask. */
  readonly allowedWafWwsf?: readonly string[] | undefined;
  /** Wildcarded identities of the implicit registration set (TS 23.003 §13.4A). */
  readonly wildcards?: readonly Wildcard[] | undefined;
}

/** A wildcarded identity such as `sip:!.*!@acme.ims.test`. */
interface Wildcard {
  readonly identity: string;
  /** One that it stands for, by which the reg event names it; absent: not told there. */
  readonly example?: string | undefined;
}

/** Server-Assignment-Type of TS 29.229 §6.3.15, as far as the lab uses it. */
export type AssignmentType =
  | "REGISTRATION"
  | "RE_REGISTRATION"
  | "USER_DEREGISTRATION"
  | "TIMEOUT_DEREGISTRATION"
  | "ADMINISTRATIVE_DEREGISTRATION";

/** One question of a CSCF to the HSS, or, with PPR, of the HSS to the S-CSCF (TS 29.228 §6). */
export interface CxQuery {
  readonly command: "UAR" | "MAR" | "SAR" | "LIR" | "PPR";
  /** Private identity; absent in LIR and in a first Digest REGISTER. */
  readonly impi?: string | undefined;
  readonly impu: string;
  /** UAR: the Visited-Network-Identifier. */
  readonly visitedNetwork?: string | undefined;
  /** SAR. */
  readonly assignment?: AssignmentType;
  /** Result code: 2001 success, 5001 user unknown, 5002 identities don't match, 5004 roaming not allowed. */
  readonly result: 2001 | 5001 | 5002 | 5004;
}

/** Result of a query (TS 29.229 §6.2). */
export type CxResult = { ok: true; subscription: Subscription } | { ok: false; reason: string };

const mostQueries = 2000;

const reasons = { 5001: "HSS User Unknown", 5002: "Identities Do Not Match", 5004: "Roaming Not Allowed" };

/** The home subscriber server: the table of subscriptions and the Cx questions that are asked about them. */
export class Hss {
  /** The latest questions, oldest first. */
  readonly queries: CxQuery[] = [];
  readonly #homeDomain: string;
  readonly #byIdentity = new Map<string, Subscription>();
  readonly #wildcarded: readonly Subscription[];
  /** By private identity. */
  readonly #centres = new Map<string, AuthenticationCentre>();

  constructor(subscriptions: readonly Subscription[], homeDomain: string) {
    this.#homeDomain = homeDomain;
    this.#wildcarded = subscriptions.filter(({ wildcards = [] }) => wildcards.length > 0);
    for (const subscription of subscriptions) {
      if (subscription.aka !== undefined)
        this.#centres.set(subscription.impi, new AuthenticationCentre(subscription.aka));
      for (const identity of identitiesOf(subscription)) this.#byIdentity.set(identityKey(identity), subscription);
    }
  }

  /** Whose identity it is; asked by nobody on Cx. */
  find(identity: string): Subscription | undefined {
    return this.#byIdentity.get(identityKey(identity));
  }

  /**
   * The subscription that serves an identity: its own, else the one whose wildcard stands for it (TS 29.228 §6.1.4: a distinct one
   * wins, whether it is registered or not).
   */
  serving(identity: string): Subscription | undefined {
    const key = identityKey(identity);
    const distinct = this.#byIdentity.get(key);
    if (distinct !== undefined) return distinct;
    return this.#wildcarded.find(({ wildcards }) => wildcards?.some((wildcard) => standsFor(wildcard.identity, key)));
  }

  /**
   * User-Authorization-Request: may this pair register from there?
   * @param impi undefined: a first Digest REGISTER, which names no private identity
   */
  authorize(impi: string | undefined, impu: string, visitedNetwork: string | undefined): CxResult {
    const result = visitedNetwork === this.#homeDomain ? this.#match(impi, impu) : 5004;
    return this.#answer({ command: "UAR", impi, impu, visitedNetwork, result });
  }

  /** Multimedia-Auth-Request: the password to challenge with. */
  password(impi: string | undefined, impu: string): string | undefined {
    this.#note({ command: "MAR", impi, impu, result: this.#match(impi, impu) });
    return this.find(impu)?.digestPassword;
  }

  /**
   * The same with SIP-Authentication-Scheme Digest-AKAv2-SHA-256: the vector to challenge with.
   * @param resync what the user's USIM has said to a vector that was too old (TS 29.228 §6.3.1)
   */
  vector(
    impi: string | undefined,
    impu: string,
    resync?: { readonly nonce: string; readonly auts: string },
  ): AuthenticationVector | undefined {
    const result = this.#match(impi, impu);
    this.#note({ command: "MAR", impi, impu, result });
    const centre = result === 2001 ? this.#centres.get(this.find(impu)?.impi ?? "") : undefined;
    if (resync !== undefined && centre?.resynchronise(resync.nonce, resync.auts) !== true) return undefined;
    return centre?.vector();
  }

  /** Server-Assignment-Request: the profile of a user that is assigned to the S-CSCF, or taken from it. */
  assign(impi: string | undefined, impu: string, assignment: AssignmentType): CxResult {
    return this.#answer({ command: "SAR", impi, impu, assignment, result: this.#match(impi, impu) });
  }

  /** Location-Information-Request: whether the called identity is a subscriber's, or one that a wildcard of hers stands for. */
  locate(impu: string): boolean {
    const result = this.serving(impu) === undefined ? 5001 : 2001;
    this.#note({ command: "LIR", impu, result });
    return result === 2001;
  }

  /**
   * The operator changes who may register a subscription as a WAF or WWSF. @returns the profile to push (PPR); undefined when the
   * identity is nobody's
   */
  allow(impu: string, allowedWafWwsf: readonly string[] | undefined): Subscription | undefined {
    const known = this.find(impu);
    if (known === undefined) return undefined;
    const subscription = { ...known, allowedWafWwsf };
    for (const identity of identitiesOf(subscription)) this.#byIdentity.set(identityKey(identity), subscription);
    this.#note({ command: "PPR", impi: known.impi, impu: known.impu, result: 2001 });
    return subscription;
  }

  /** Whether the domain belongs to the home network. */
  servesDomain(host: string): boolean {
    const ending = `@${host.toLowerCase()}`;
    return [...this.#byIdentity.keys()].some((identity) => identity.endsWith(ending));
  }

  #match(impi: string | undefined, impu: string): 2001 | 5001 | 5002 {
    const subscription = this.find(impu);
    if (subscription === undefined) return 5001;
    // TS 29.229 §6.2.2.4: DIAMETER_ERROR_IDENTITIES_DONT_MATCH
    return impi === undefined || impi === subscription.impi ? 2001 : 5002;
  }

  #answer(query: CxQuery): CxResult {
    this.#note(query);
    const subscription = this.find(query.impu);
    if (query.result !== 2001) return { ok: false, reason: reasons[query.result] };
    return subscription === undefined ? { ok: false, reason: reasons[5001] } : { ok: true, subscription };
  }

  #note(query: CxQuery): void {
    this.queries.push(query);
    if (this.queries.length > mostQueries) this.queries.shift();
  }
}

/** The implicit registration set, default identity first (TS 23.228 §5.2.1a). */
export function identitiesOf(subscription: Subscription): string[] {
  return subscription.tel === undefined ? [subscription.impu] : [subscription.impu, `tel:${subscription.tel}`];
}
