/** An IMS subscription: one private identity and one implicit registration set. */
export interface Subscription {
  /** IMPI, for example `mary@ims.test`. */
  readonly impi: string;
  /** Explicit IMPU, a SIP URI. */
  readonly impu: string;
  /** Telephone number, E.164 with `+`: adds the tel URI and its SIP form to the implicit set. */
  readonly tel?: string;
  /** Of SIP Digest, letters and digits; absent for users for whom only a trusted node registers. */
  readonly password?: string;
  /** The HSS refuses to assign an S-CSCF: SAR gets DIAMETER_UNABLE_TO_COMPLY. */
  readonly unassignable?: boolean;
}

/** All public identities of the implicit registration set, the default one first. */
export function publicIdentities({ impu, tel }: Subscription, homeDomain: string): string[] {
  return tel === undefined ? [impu] : [impu, `sip:${tel}@${homeDomain}`, `tel:${tel}`];
}

/** The Cx user data (TS 29.228 Annex E) of a subscription without initial filter criteria. */
export function userData(subscription: Subscription, homeDomain: string): string {
  const identities = publicIdentities(subscription, homeDomain)
    .map((identity) => `<PublicIdentity><Identity>${escape(identity)}</Identity></PublicIdentity>`)
    .join("");
  return (
    `<?xml version="1.0" encoding="UTF-8"?><IMSSubscription><PrivateID>${escape(subscription.impi)}</PrivateID>` +
    `<ServiceProfile>${identities}</ServiceProfile></IMSSubscription>`
  );
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
