import { parseCredentials, parseNameAddr, SipError, type SipRequest } from "@portico/sip";
import { EpcscfError, TokenError } from "../errors.ts";
import type { AccessClaims, BlockEntry, BlockTable, Revocations, TokenVerifier } from "../ports.ts";
import type { Flow } from "../w2/flow.ts";

export interface AuthorisationOptions {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly blocks: BlockTable;
  readonly homeDomain: string;
  /** Where a token is to be had; an https URI in production (RFC 8898 §4). */
  readonly authzServer: string;
}

/** Decides by the access token who a browser is (RFC 8898). */
export class Authorisation {
  readonly #options: AuthorisationOptions;

  constructor(options: AuthorisationOptions) {
    this.#options = options;
  }

  /** The claims of the request's bearer token, or undefined when it carries none. @throws TokenError. */
  async claims(request: SipRequest): Promise<AccessClaims | undefined> {
    const token = bearer(request);
    if (token === undefined) return undefined;
    const claims = await this.#options.verifier.verify(token);
    if (this.isRevoked(claims)) throw new TokenError("invalid_token", "the token is revoked");
    return claims;
  }

  /** True for a request with the token of these claims, in the words in which most show it. */
  shows(request: SipRequest, { token }: AccessClaims): boolean {
    const value = request.get("Authorization");
    return token !== undefined && value?.startsWith("Bearer ") === true && value.slice(7) === token;
  }

  /** True from the moment on at which the WAF or the site has taken the token back. */
  isRevoked(claims: AccessClaims): boolean {
    return this.#options.revocations.isRevoked(claims);
  }

  /**
   * The subscription a REGISTER may use: token, identity headers, web site and block must agree (EPC-REG-05, 06).
   * @throws EpcscfError with the 403 to answer.
   */
  async entry(register: SipRequest, claims: AccessClaims, flow: Flow): Promise<BlockEntry> {
    const { homeDomain, blocks } = this.#options;
    if (
      register.uri.toLowerCase() !== `sip:${homeDomain}` ||
      !names(register, "To", claims.impu) ||
      !names(register, "From", claims.impu)
    ) {
      throw new EpcscfError("epcscf/identity-mismatch");
    }
    if (!claims.origins.includes(flow.origin)) throw new EpcscfError("epcscf/foreign-origin");
    const entry = await blocks.find(claims.impu);
    if (entry === undefined || !entry.clientIds.includes(claims.clientId) || entry.tenant !== claims.tenant) {
      throw new EpcscfError("epcscf/not-in-block");
    }
    return entry;
  }

  /** The header of the 401 that asks for a token (RFC 8898 §4). @param error absent when none came. */
  challenge(error?: TokenError): [name: string, value: string] {
    const { homeDomain, authzServer } = this.#options;
    const why = error === undefined ? "" : `, error="${error.code}"`;
    const value = `Bearer realm="${homeDomain}", authz_server="${authzServer}", scope="ims.register"${why}`;
    return ["WWW-Authenticate", value];
  }
}

/** The token of either Bearer form (EPC-REG-03). @throws TokenError when the header cannot be read. */
function bearer(request: SipRequest): string | undefined {
  for (const value of request.all("Authorization")) {
    try {
      const credentials = parseCredentials(value);
      if (credentials.scheme === "bearer" && "token" in credentials) return credentials.token;
    } catch (error) {
      if (error instanceof SipError) throw new TokenError("invalid_token", "the Authorization header is malformed");
      throw error;
    }
  }
  return undefined;
}

/** True when a header field has the identity as its address. */
function names(register: SipRequest, header: "To" | "From", impu: string): boolean {
  const value = register.get(header) ?? "";
  // As most write it: <IMPU>, with a tag or without.
  if (value.startsWith(impu, 1) && value[0] === "<" && value[impu.length + 1] === ">") return true;
  return sameAddress(parseNameAddr(value).uri, impu);
}

/** Equal as SIP URIs, with nothing beyond scheme, user and host: parameters have no place in a registered IMPU. */
function sameAddress(uri: string, impu: string): boolean {
  return lowerHost(uri) === lowerHost(impu);
}

function lowerHost(uri: string): string {
  const at = uri.lastIndexOf("@");
  return uri.slice(0, at + 1) + uri.slice(at + 1).toLowerCase();
}
