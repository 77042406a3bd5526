import { identityKey } from "./identity.ts";

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
  /** TS 29.229 AVP 656: who may register this subscription as a WAF or WWSF; absent, the S-CSCF does not ask. */
  readonly allowedWafWwsf?: readonly string[] | undefined;
}

/** Result of a Cx query (TS 29.229 §6.2). */
export type CxResult = { ok: true; subscription: Subscription } | { ok: false; code: 5001 | 5002; reason: string };

/** The home subscriber server: the table of subscriptions and the Cx questions that are asked about them. */
export class Hss {
  readonly #byIdentity = new Map<string, Subscription>();

  constructor(subscriptions: readonly Subscription[]) {
    for (const subscription of subscriptions) {
      for (const identity of identitiesOf(subscription)) this.#byIdentity.set(identityKey(identity), subscription);
    }
  }

  /** Location-Information-Request: whose identity it is. */
  find(identity: string): Subscription | undefined {
    return this.#byIdentity.get(identityKey(identity));
  }

  /** User-Authorization-Request. Without an IMPI (a first Digest REGISTER) only the IMPU is looked at. */
  authorize(impi: string | undefined, impu: string): CxResult {
    const subscription = this.find(impu);
    if (subscription === undefined) return { ok: false, code: 5001, reason: "HSS User Unknown" };
    // TS 29.229 §6.2.2.4: DIAMETER_ERROR_IDENTITIES_DONT_MATCH
    if (impi !== undefined && impi !== subscription.impi)
      return { ok: false, code: 5002, reason: "Identities Do Not Match" };
    return { ok: true, subscription };
  }

  /** Whether the domain belongs to the home network. */
  servesDomain(host: string): boolean {
    const ending = `@${host.toLowerCase()}`;
    return [...this.#byIdentity.keys()].some((identity) => identity.endsWith(ending));
  }
}

/** The implicit registration set, default identity first (TS 23.228 §5.2.1a). */
export function identitiesOf(subscription: Subscription): string[] {
  return subscription.tel === undefined ? [subscription.impu] : [subscription.impu, `tel:${subscription.tel}`];
}
