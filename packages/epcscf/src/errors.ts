import type { HeaderList } from "@portico/sip";

interface Entry {
  readonly status: number;
  readonly message: string;
  readonly cause: string;
  readonly remedy: string;
}

/** Stable name of an error of this package. */
export type EpcscfErrorCode =
  | "epcscf/unregistered"
  | "epcscf/identity-mismatch"
  | "epcscf/foreign-origin"
  | "epcscf/not-in-block"
  | "epcscf/contact"
  | "epcscf/other-identity"
  | "epcscf/registration-over"
  | "epcscf/emergency-registration"
  | "epcscf/core-challenge"
  | "epcscf/core-unreachable"
  | "epcscf/scscf-lost"
  | "epcscf/from"
  | "epcscf/core-reselecting"
  | "epcscf/core-refuses-request"
  | "epcscf/core-forbids"
  | "epcscf/core-unknown-identity"
  | "epcscf/core-lacks-extension"
  | "epcscf/core-lacks-outbound"
  | "epcscf/core-busy"
  | "epcscf/busy"
  | "epcscf/core-failed"
  | "epcscf/core-contradiction"
  | "epcscf/interval-too-brief"
  | "epcscf/media-unavailable"
  | "epcscf/no-common-media"
  | "epcscf/bad-sdp"
  | "epcscf/no-answer"
  | "epcscf/body"
  | "epcscf/extension"
  | "epcscf/dialog"
  | "epcscf/target"
  | "epcscf/service"
  | "epcscf/direction"
  | "epcscf/hours"
  | "epcscf/destination"
  | "epcscf/user-calls"
  | "epcscf/tenant-calls"
  | "epcscf/tenant-registrations"
  | "epcscf/hops"
  | "epcscf/flow-gone"
  | "epcscf/flow-token"
  | "epcscf/not-here"
  | "epcscf/method"
  | "epcscf/rate"
  | "epcscf/traces";

const catalogue: Readonly<Record<EpcscfErrorCode, Entry>> = {
  "epcscf/unregistered": {
    status: 403,
    message: "Not registered",
    cause: "A request came on a flow without a live registration (TS 24.229 §5.2.6.3.1)",
    remedy: "REGISTER with a valid access token first",
  },
  "epcscf/identity-mismatch": {
    status: 403,
    message: "The identity is not the token's",
    cause: "From, To or the Request-URI of the REGISTER do not match the token's IMPU and the home domain",
    remedy: "Register the IMPU that came with the token, at the home domain that came with it",
  },
  "epcscf/foreign-origin": {
    status: 403,
    message: "The token belongs to another web site",
    cause: "The WebSocket's Origin is not among the origins of the token's WWSF (TS 33.203 X.4.1 REQ 3.3)",
    remedy: "Open the page at the site that issued the token",
  },
  "epcscf/not-in-block": {
    status: 403,
    message: "The identity is not in the block of this site",
    cause: "The operator's table has no such IMPU for this WWSF, or the tenant is suspended",
    remedy: "Check the tenant's block and state",
  },
  "epcscf/contact": {
    status: 400,
    message: "REGISTER needs exactly one Contact",
    cause: "No Contact, several, or `*` without Expires: 0",
    remedy: "Send one Contact, or `Contact: *` with Expires: 0",
  },
  "epcscf/other-identity": {
    status: 403,
    message: "This connection is registered with another identity",
    cause: "The IMPU of a live flow cannot change (RFC 8898 §2.1.3)",
    remedy: "Open a new WebSocket for the other identity",
  },
  "epcscf/registration-over": {
    status: 503,
    message: "The registration has just ended",
    cause: "It ended by time, network or operator while its REGISTER was on the way",
    remedy: "Register anew after the time in Retry-After",
  },
  "epcscf/emergency-registration": {
    status: 403,
    message: "Emergency registration is not possible",
    cause: "The Contact carries the sos parameter (TS 24.229 §7.2A.13)",
    remedy: "Register without it; for emergency calls use a telephone",
  },
  "epcscf/core-reselecting": {
    status: 480,
    message: "The IMS is choosing another server",
    cause: "The I-CSCF redirected, or found no S-CSCF for the identity (TS 23.380 §4)",
    remedy: "Register anew after a short time",
  },
  "epcscf/core-refuses-request": {
    status: 503,
    message: "The IMS does not accept requests of this portal",
    cause: "The core answered a REGISTER of this node with a 4xx that the browser cannot mend",
    remedy: "Operator: look at the Reason header field and at the log of the I-CSCF",
  },
  "epcscf/core-forbids": {
    status: 403,
    message: "The IMS does not serve this identity",
    cause: "The HSS does not allow the pair of IMPI and IMPU, the visited network, or this portal (TS 29.229 §6.2)",
    remedy: "Operator: compare the tenant's block with the subscriptions of the HSS",
  },
  "epcscf/core-unknown-identity": {
    status: 404,
    message: "The IMS does not know this identity",
    cause: "The HSS has no such subscription",
    remedy: "Operator: provision the tenant's block in the HSS",
  },
  "epcscf/core-lacks-extension": {
    status: 503,
    message: "The IMS lacks an extension this portal needs",
    cause: "The core does not support Path (RFC 3327)",
    remedy: "Operator: enable Path at the registrar",
  },
  "epcscf/core-lacks-outbound": {
    status: 439,
    message: "First hop lacks outbound support",
    cause: "The registrar found no ob parameter in the Path, or dropped it on the way (RFC 5626 §11.6)",
    remedy: "Operator: look for an element between this node and the registrar that changes Path",
  },
  "epcscf/busy": {
    status: 503,
    message: "Too Many Registrations At Once",
    cause: "More browsers register anew than the core is asked for in a second, as after a restart",
    remedy: "None needed: each browser comes back when Retry-After says; if it stays so, add nodes or raise the pace",
  },
  "epcscf/core-busy": {
    status: 503,
    message: "The IMS is overloaded",
    cause: "The core answered 503",
    remedy: "Register anew after the time in Retry-After",
  },
  "epcscf/core-failed": {
    status: 500,
    message: "The IMS failed",
    cause: "The core answered 5xx",
    remedy: "Try again later; operator: look at the log of the S-CSCF",
  },
  "epcscf/core-contradiction": {
    status: 500,
    message: "The IMS did not register you",
    cause: "The core answered 200 (OK) without the binding it was asked for",
    remedy: "Try again later; operator: look at the registrar, whose answer contradicts itself",
  },
  "epcscf/interval-too-brief": {
    status: 423,
    message: "Interval Too Brief",
    cause: "The registrar does not register for so short a time (RFC 3261 §10.2.8)",
    remedy: "Ask for at least Min-Expires; where the token does not last as long, get a new one",
  },
  "epcscf/core-challenge": {
    status: 503,
    message: "The IMS does not trust this portal",
    cause: "The core challenged a trusted-node REGISTER (TS 33.203 U.1)",
    remedy: "Operator: configure the I- and S-CSCF to accept integrity-protected=auth-done from this node",
  },
  "epcscf/core-unreachable": {
    status: 504,
    message: "The IMS does not answer",
    cause: "No response from the home network's entry point in time",
    remedy: "Try again later; operator: check the I-CSCF's address and reachability",
  },
  "epcscf/scscf-lost": {
    status: 504,
    message: "The S-CSCF does not answer, or knows the user no more",
    cause:
      "No response from the S-CSCF of the registration's Service-Route, or one that has lost its registrations (TS 24.229 §5.2.6.3.2A, TS 23.380 §4)",
    remedy: "Register anew, which finds an S-CSCF; operator: look at the S-CSCF",
  },
  "epcscf/from": {
    status: 403,
    message: "The sender is somebody else",
    cause: "From names an identity that is not registered on this flow (PRV-02)",
    remedy: "Send requests in the name of a registered identity, or anonymously",
  },
  "epcscf/media-unavailable": {
    status: 503,
    message: "No media resources",
    cause: "The media plane could not reserve ports",
    remedy: "Try again later; operator: widen the port range or add media workers",
  },
  "epcscf/no-common-media": {
    status: 488,
    message: "No audio codec in common",
    cause: "The offer has no audio stream with G.711 that this gateway can carry",
    remedy: "Offer audio with PCMA or PCMU over UDP/TLS/RTP/SAVPF",
  },
  "epcscf/bad-sdp": {
    status: 488,
    message: "The session description cannot be used",
    cause: "The SDP is malformed, or lacks ICE credentials or a fingerprint",
    remedy: "Offer audio with ICE and DTLS-SRTP",
  },
  "epcscf/no-answer": {
    status: 502,
    message: "The other side gave no session description",
    cause: "The 200 (OK) has no SDP and none came before it (RFC 3261 §13.2.1)",
    remedy: "Look at the far end, it breaks the offer/answer rules",
  },
  "epcscf/body": {
    status: 415,
    message: "This kind of body cannot be carried",
    cause: "The body is no session description: encrypted, opaque or of another kind (TS 24.229 §6.1.1)",
    remedy: "Send application/sdp",
  },
  "epcscf/extension": {
    status: 420,
    message: "An extension is not supported",
    cause: "The request requires an option this node does not have (RFC 3261 §8.2.2.3)",
    remedy: "Send the request without the options listed in Unsupported",
  },
  "epcscf/dialog": {
    status: 481,
    message: "No such dialog",
    cause: "A request inside a dialog that was not opened through this node",
    remedy: "Open the dialog anew",
  },
  "epcscf/target": {
    status: 404,
    message: "This number or address cannot be called",
    cause: "The dialled string is no telephone number and no address of the home domain",
    remedy: "Dial an international number (+ and digits) or an address of the home domain",
  },
  "epcscf/service": {
    status: 403,
    message: "This service is not part of the subscription",
    cause: "The token's scope or restrictions lack the service (EPC-SES-16)",
    remedy: "Ask the company for the service",
  },
  "epcscf/direction": {
    status: 403,
    message: "Calls in this direction are not allowed",
    cause: "The token allows only calling or only being called (EPC-SES-16)",
    remedy: "Ask the company to lift the restriction",
  },
  "epcscf/hours": {
    status: 403,
    message: "Calls are not allowed at this time",
    cause: "The moment lies outside the hours of the token (EPC-SES-16)",
    remedy: "Call within the hours agreed on",
  },
  "epcscf/destination": {
    status: 403,
    message: "Calls to this destination are not allowed",
    cause: "The token's restrictions exclude the number or its class (EPC-SES-16)",
    remedy: "Ask the company to allow the destination",
  },
  "epcscf/user-calls": {
    status: 486,
    message: "The user has as many calls as she may",
    cause: "The token's limit of calls at once is reached (EPC-SES-16)",
    remedy: "End another call first",
  },
  "epcscf/tenant-calls": {
    status: 503,
    message: "The company has as many calls as it may",
    cause: "The tenant's limit of calls at once is reached",
    remedy: "Try again later; operator: raise the tenant's limit if the contract allows",
  },
  "epcscf/tenant-registrations": {
    status: 480,
    message: "The company has as many telephones in use as it may",
    cause: "The tenant's limit of registrations at once is reached",
    remedy: "None needed: a browser comes back when Retry-After says; operator: raise the limit if the contract allows",
  },
  "epcscf/hops": {
    status: 483,
    message: "Too many hops",
    cause: "Max-Forwards reached zero",
    remedy: "Look for a loop",
  },
  "epcscf/flow-gone": {
    status: 430,
    message: "Flow failed",
    cause: "The WebSocket of this registration is closed (RFC 5626 §5.3.1)",
    remedy: "Try another flow of the user",
  },
  "epcscf/flow-token": {
    status: 403,
    message: "Unknown flow",
    cause: "The flow token in the Route does not carry this node's signature (RFC 5626 §5.3.1)",
    remedy: "Route requests by the Path of the registration",
  },
  "epcscf/not-here": {
    status: 480,
    message: "Not registered here",
    cause: "No device of whom P-Called-Party-ID names is registered at this node by the wildcarded block",
    remedy: "None needed: the identity may be registered at another node, later, or never",
  },
  "epcscf/method": {
    status: 405,
    message: "Method not allowed here",
    cause: "The method has no meaning between a browser and the IMS at this node",
    remedy: "Use one of the methods of the Allow header field",
  },
  "epcscf/traces": {
    status: 503,
    message: "Too many traces",
    cause: "As many users are traced at once as a node does",
    remedy: "End another trace, or wait for its end",
  },
  "epcscf/rate": {
    status: 503,
    message: "Too many requests on this connection",
    cause: "The flow sent more messages than the rate limit allows",
    remedy: "Wait for the time in Retry-After",
  },
};

/** The error of this package; `status` is the SIP status the peer is answered with. */
export class EpcscfError extends Error {
  override readonly name = "EpcscfError";
  /** Header fields that go into the answer. */
  readonly headers: HeaderList;
  readonly code: EpcscfErrorCode;
  readonly status: number;
  override readonly cause: string;
  readonly remedy: string;

  constructor(code: EpcscfErrorCode, headers: HeaderList = []) {
    const { status, message, cause, remedy } = catalogue[code];
    super(message);
    this.code = code;
    this.headers = headers;
    this.status = status;
    this.cause = cause;
    this.remedy = remedy;
  }
}

/** Why a token is refused (RFC 8898 §4, RFC 6750 §3.1). */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: "invalid_token" | "invalid_scope";

  constructor(code: "invalid_token" | "invalid_scope", message: string) {
    super(message);
    this.code = code;
  }
}
