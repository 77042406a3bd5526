import { parseCredentials, parseUri, quote, SipError } from "@portico/sip";
import type { Params, SipRequest, SipResponse } from "@portico/sip";
import { detached } from "../detached.ts";
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
/** How a REGISTER has come, as the core is told (TS 24.229 §7.2A.2). */
type Integrity = "tls-pending" | "tls-yes" | "tls-connected";

/** IMS AKA inside TLS (TS 33.203 §X.2): the S-CSCF knows it by this algorithm and `tls-connected` (TS 24.229 §5.4.1.1, 2A). */
const aka = "akav2-sha-256";
/** Of a challenge: what the user shares with the edge, which is not to be sent to her (TS 24.229 §5.2.2.2). */
const sessionKeys: readonly string[] = ["ik", "ck"];
/** A parameter of a challenge, as it is written. */
const parameter = /([\w-]+)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)/g;
/**
 * An identity as the table of blocks writes its own. Another spelling of one of them (RFC 3261 §19.1.4: a domain in capitals, an
 * escape, a port) would not be found there, and yet be the same to the core.
 */
const plain = /^sip:[\w.!~*'()&=+$,;?/-]+@[a-z\d](?:[a-z\d.-]*[a-z\d])?$/;
/** Seconds since the epoch: no token bounds the registration, what the core grants does. */
const never = 253_402_300_799;

/**
 * Scenario 1 of TS 23.228 Annex U: users with IMS credentials of their own, whom the S-CSCF authenticates by Digest. The node
 * only passes challenge and response (EPC-REG-24), and never vouches for such a user.
 *
 * `tls-connected` lets an S-CSCF take a response for one that the user it has registered gives on the connection by which she was
 * authenticated. So a response by AKA goes on once, where a challenge has come to the same user on the same flow, or where she is
 * registered on it; else the core is asked for a challenge.
 */
export class OwnCredentials {
  readonly #options: OwnCredentialsOptions;
  /** Whose response to which AKA challenge is awaited on a flow. */
  readonly #awaited = new WeakMap<Flow, { readonly impi: string; readonly nonce: string }>();

  constructor(options: OwnCredentialsOptions) {
    this.#options = options;
  }

  /**
   * Who a REGISTER without a token claims to be; undefined where that is not offered.
   * @param known true for the IMPI whose registration is on this flow
   * @throws EpcscfError 403 for an identity of a block, whose holders the WAF alone names; SipError for what cannot be read
   */
  async identity(request: SipRequest, flow: Flow, known: (impi: string) => boolean): Promise<OwnIdentity | undefined> {
    const { ownCredentials, homeDomain, blocks } = this.#options;
    const tenant = ownCredentials?.(flow.origin);
    if (tenant === undefined) return undefined;
    const impu = request.to.uri;
    const { user, host } = parseUri(impu);
    if (request.uri.toLowerCase() !== `sip:${homeDomain}` || request.from.uri !== impu || !plain.test(impu)) {
      throw new EpcscfError("epcscf/identity-mismatch");
    }
    if ((await blocks.find(impu)) !== undefined) throw new EpcscfError("epcscf/identity-mismatch");
    const params = digest(request) ?? new Map<string, string | undefined>();
    // TS 24.229 §5.3.1.2: without credentials the IMPI is made of the IMPU.
    const impi = params.get("username") ?? `${user}@${host}`;
    const integrity = integrityOf(params, known(impi));
    const given = integrity !== "tls-connected" || known(impi) || this.#isAwaited(flow, impi, params.get("nonce"));
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
      authorization: this.#authorization(impi, given ? params : withoutResponse(params), integrity),
    };
  }

  /** Takes the session keys out of the core's challenge to a user. @param response the 401 on its way to the browser */
  challenge(response: SipResponse, impi: string, flow: Flow): void {
    const challenges = response.all("WWW-Authenticate");
    response.remove("WWW-Authenticate");
    for (const value of challenges) {
      const params = challengeParams(value);
      if (params === undefined) continue;
      const nonce = params.get("nonce");
      if (isAka(params) && nonce !== undefined) this.#awaited.set(flow, { impi, nonce: detached(nonce) });
      response.add("WWW-Authenticate", sessionKeys.some((name) => params.has(name)) ? withoutKeys(value) : value);
    }
  }

  #isAwaited(flow: Flow, impi: string, nonce: string | undefined): boolean {
    const awaited = this.#awaited.get(flow);
    return awaited?.impi === impi && awaited.nonce === nonce && this.#awaited.delete(flow);
  }

  /** Built anew of what is known, so that nothing else of the browser's stands beside the node's own word. */
  #authorization(impi: string, params: Params, integrity: Integrity): string {
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

const isAka = (params: Params): boolean => params.get("algorithm")?.toLowerCase() === aka;

/** @param known her registration is on the flow: TS 24.229 §5.2.2.4 for Digest. */
function integrityOf(params: Params, known: boolean): Integrity {
  if (isAka(params)) return "tls-connected";
  return known ? "tls-yes" : "tls-pending";
}

/** What asks for a challenge. */
function withoutResponse(params: Params): Params {
  return new Map([...params].filter(([name]) => name === "algorithm"));
}

/** Undefined for what cannot be read: nobody knows what is in it. */
function challengeParams(value: string): Params | undefined {
  try {
    const credentials = parseCredentials(value);
    return credentials.scheme === "bearer" ? undefined : credentials.params;
  } catch (error) {
    if (error instanceof SipError) return undefined;
    throw error;
  }
}

/** The rest stays as it is written. */
function withoutKeys(challenge: string): string {
  const [scheme = ""] = challenge.trimStart().split(/\s/, 1);
  const kept = [...challenge.matchAll(parameter)].filter(([, name = ""]) => !sessionKeys.includes(name.toLowerCase()));
  return `${scheme} ${kept.map(([text]) => text).join(", ")}`;
}
