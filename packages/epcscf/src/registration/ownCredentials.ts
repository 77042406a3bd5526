import { parseCredentials, parseUri, quote, type Params, type SipRequest } from "@portico/sip";
import { EpcscfError } from "../errors.ts";
import type { AccessClaims, BlockEntry, BlockTable } from "../ports.ts";
import type { Flow } from "../w2/flow.ts";

export interface OwnCredentialsOptions {
  readonly homeDomain: string;
  readonly blocks: BlockTable;
  /** The tenant whose site at this origin offers it; absent: none does. */
  readonly ownCredentials?: ((origin: string) => string | undefined) | undefined;
}

/** A user by the word of her own REGISTER; only the core's 200 makes it true. */
export interface OwnIdentity {
  readonly claims: AccessClaims;
  readonly entry: BlockEntry;
  /** Authorization toward the core. */
  readonly authorization: string;
}

/** Parameters of a Digest response (RFC 7616, RFC 3310) that go on to the core, and whether they are quoted strings there. */
const passed: Readonly<Record<string, boolean>> = {
  username: true,
  realm: true,
  nonce: true,
  uri: true,
  response: true,
  algorithm: false,
  cnonce: true,
  opaque: true,
  qop: false,
  nc: false,
  auts: true,
};
/** Seconds since the epoch: no token bounds the registration, what the core grants does. */
const never = 253_402_300_799;

/**
 * Scenario 1 of TS 23.228 Annex U: users with IMS credentials of their own, whom the S-CSCF authenticates by Digest. The node
 * only passes challenge and response (EPC-REG-24), and never vouches for such a user.
 */
export class OwnCredentials {
  readonly #options: OwnCredentialsOptions;

  constructor(options: OwnCredentialsOptions) {
    this.#options = options;
  }

  /**
   * Who a REGISTER without a token claims to be; undefined where that is not offered.
   * @param known true for the IMPI whose registration is on this flow: TS 24.229 §5.2.2.4, `tls-yes`; before, `tls-pending`
   * @throws EpcscfError 403 for an identity of a block, whose holders the WAF alone names; SipError for what cannot be read
   */
  async identity(request: SipRequest, flow: Flow, known: (impi: string) => boolean): Promise<OwnIdentity | undefined> {
    const { ownCredentials, homeDomain, blocks } = this.#options;
    const tenant = ownCredentials?.(flow.origin);
    if (tenant === undefined) return undefined;
    const impu = request.to.uri;
    const { scheme, user, host } = parseUri(impu);
    if (request.uri.toLowerCase() !== `sip:${homeDomain}` || request.from.uri !== impu || scheme !== "sip") {
      throw new EpcscfError("epcscf/identity-mismatch");
    }
    if ((await blocks.find(impu)) !== undefined) throw new EpcscfError("epcscf/identity-mismatch");
    const params = digest(request) ?? new Map<string, string | undefined>();
    // TS 24.229 §5.3.1.2: without credentials the IMPI is made of the IMPU.
    const impi = params.get("username") ?? `${user}@${host}`;
    return {
      claims: {
        own: true,
        issuer: "",
        subject: impi,
        clientId: "",
        tenant,
        sessionId: "",
        tokenId: flow.id,
        expiresAt: never,
        scope: ["ims.register", "ims.voice"],
        impu,
        origins: [flow.origin],
      },
      entry: { tenant, clientIds: [], impu, impi },
      authorization: this.#authorization(impi, params, known(impi) ? "tls-yes" : "tls-pending"),
    };
  }

  /** Built anew of what is known, so that nothing else of the browser's stands beside the node's own word. */
  #authorization(impi: string, params: Params, integrity: "tls-yes" | "tls-pending"): string {
    const { homeDomain } = this.#options;
    const all = new Map<string, string | undefined>([
      ["username", impi],
      ["realm", homeDomain],
      ["uri", `sip:${homeDomain}`],
      ["nonce", ""],
      ["response", ""],
      ...params,
    ]);
    const written = [...all].flatMap(([name, value = ""]) => {
      const quoted = passed[name];
      if (quoted === undefined) return [];
      if (quoted) return [`${name}=${quote(value)}`];
      return /^[\w.!%*+`'~-]+$/.test(value) ? [`${name}=${value}`] : [];
    });
    return `Digest ${written.join(", ")}, integrity-protected="${integrity}"`;
  }
}

function digest(request: SipRequest): Params | undefined {
  for (const value of request.all("Authorization")) {
    const credentials = parseCredentials(value);
    if (credentials.scheme === "digest") return credentials.params;
  }
  return undefined;
}
