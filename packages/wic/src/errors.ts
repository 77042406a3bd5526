/** Stable name of an error of the SDK, for `switch (error.code)`. */
export type WicErrorCode =
  | "wic/insecure-url"
  | "wic/token-unavailable"
  | "wic/signed-out"
  | "wic/unreachable"
  | "wic/connection-lost"
  | "wic/portal-restarting"
  | "wic/replaced"
  | "wic/connection-silent"
  | "wic/browser-offline"
  | "wic/no-sip"
  | "wic/not-authorized"
  | "wic/registration-refused"
  | "wic/registration-failed"
  | "wic/network-silent"
  | "wic/network-busy"
  | "wic/company-full"
  | "wic/network-setup"
  | "wic/access-revoked"
  | "wic/permission-ended"
  | "wic/registration-ended"
  | "wic/registration-expired"
  | "wic/logged-out"
  | "wic/not-registered"
  | "wic/target"
  | "wic/microphone-denied"
  | "wic/microphone-missing"
  | "wic/media-failed"
  | "wic/dtmf"
  | "wic/call-state"
  | "wic/hold-refused"
  | "wic/emergency";

interface Entry {
  readonly message: string;
  readonly causes: readonly string[];
  readonly remedies: readonly string[];
  /** True when the client does not go on by itself. */
  readonly fatal: boolean;
}

const catalogue: Record<WicErrorCode, Entry> = {
  "wic/insecure-url": {
    message: "The portal's address is not secure",
    causes: ["The session names a ws: URL on another host, or something that is no WebSocket URL"],
    remedies: ["Configure the portal with a wss: URL"],
    fatal: true,
  },
  "wic/token-unavailable": {
    message: "No access to the telephone service at the moment",
    causes: ["The web site did not hand out a token", "No free identity is left in the company's block"],
    remedies: ["Nothing: it is tried again", "Ask the administrator if it lasts"],
    fatal: false,
  },
  "wic/signed-out": {
    message: "You are signed out of the web site",
    causes: ["The web session has ended, or the administrator ended it"],
    remedies: ["Sign in again"],
    fatal: true,
  },
  "wic/unreachable": {
    message: "The telephone service cannot be reached",
    causes: ["No network", "A firewall or proxy blocks WebSockets", "The portal is down"],
    remedies: ["Check the network connection"],
    fatal: false,
  },
  "wic/connection-lost": {
    message: "The connection to the telephone service was lost",
    causes: ["The network changed or failed", "The portal restarted"],
    remedies: ["Nothing: the connection is built anew"],
    fatal: false,
  },
  "wic/portal-restarting": {
    message: "The telephone service restarts",
    causes: ["The operator stopped or renewed the portal"],
    remedies: ["Nothing: the connection is built anew"],
    fatal: false,
  },
  "wic/replaced": {
    message: "The telephone is in use in another window",
    causes: ["Another page with the same instance has registered"],
    remedies: ["Close the other window, then load this page anew"],
    fatal: true,
  },
  "wic/connection-silent": {
    message: "The telephone service does not answer",
    causes: ["The connection is dead though the browser has not noticed", "The portal is overloaded"],
    remedies: ["Nothing: the connection is built anew"],
    fatal: false,
  },
  "wic/browser-offline": {
    message: "This computer is offline",
    causes: ["The browser reports no network"],
    remedies: ["Check the network connection"],
    fatal: false,
  },
  "wic/no-sip": {
    message: "The server does not speak SIP over WebSocket",
    causes: ["The server did not choose the subprotocol sip (RFC 7118 §4.1)"],
    remedies: ["Check the portal's WebSocket URL"],
    fatal: false,
  },
  "wic/not-authorized": {
    message: "The telephone service did not accept the permission",
    causes: ["The token was refused twice", "The challenge names an authorisation server that is not trusted"],
    remedies: ["Sign out and in again", "Ask the administrator if it lasts"],
    fatal: true,
  },
  "wic/registration-refused": {
    message: "The telephone service refused your identity",
    causes: ["The identity or the company is suspended or unknown to the operator"],
    remedies: ["Ask the administrator"],
    fatal: true,
  },
  "wic/registration-failed": {
    message: "The telephone service could not register you",
    causes: ["The IMS is overloaded or does not answer"],
    remedies: ["Nothing: it is tried again"],
    fatal: false,
  },
  "wic/network-silent": {
    message: "The telephone network does not answer",
    causes: ["The operator's network cannot be reached from the portal"],
    remedies: ["Nothing: it is tried again", "Tell the operator if it lasts"],
    fatal: false,
  },
  "wic/network-busy": {
    message: "The telephone network is busy",
    causes: ["The operator's network is overloaded, or is choosing another server"],
    remedies: ["Nothing: it is tried again"],
    fatal: false,
  },
  "wic/company-full": {
    message: "Your company has as many telephones in use as it may",
    causes: ["The company's contract with the operator bounds how many are in use at once"],
    remedies: ["Wait until somebody signs out: it is tried again", "Ask the administrator if it lasts"],
    fatal: false,
  },
  "wic/network-setup": {
    message: "The telephone network does not accept this portal",
    causes: ["The operator's network is not set up for the portal: it challenges or refuses what that sends"],
    remedies: ["Tell the operator, who has been alarmed", "Nothing else: it is tried again"],
    fatal: false,
  },
  "wic/access-revoked": {
    message: "Your access to the telephone service was taken back",
    causes: ["You signed out elsewhere", "The administrator ended your access, or suspended the company's"],
    remedies: ["Sign in again", "Ask the administrator if that is refused"],
    fatal: false,
  },
  "wic/permission-ended": {
    message: "Your permission to telephone ended before it was renewed",
    causes: ["The web site did not hand out a new token in time"],
    remedies: ["Nothing: a new one is asked for", "Sign in again if it lasts"],
    fatal: false,
  },
  "wic/registration-ended": {
    message: "The telephone service ended your registration",
    causes: ["The operator or the administrator ended it"],
    remedies: ["Ask the administrator, or sign in again"],
    fatal: true,
  },
  "wic/registration-expired": {
    message: "The registration has to be made anew",
    causes: ["The network let the registration expire or asked for a new one (RFC 3680 §4.1)"],
    remedies: ["Nothing: it is made anew"],
    fatal: false,
  },
  "wic/logged-out": {
    message: "Logged out",
    causes: ["The page logged out"],
    remedies: ["Log in to take and make calls"],
    fatal: true,
  },
  "wic/not-registered": {
    message: "Not connected to the telephone service",
    causes: ["A call was tried while the client was not registered"],
    remedies: ["Try again when the connection is back"],
    fatal: false,
  },
  "wic/target": {
    message: "This is no number or address that can be called",
    causes: ["The dialled text is neither a telephone number nor a SIP address"],
    remedies: ["Dial the number with + and country code"],
    fatal: false,
  },
  "wic/microphone-denied": {
    message: "The microphone may not be used",
    causes: ["The permission was denied, or the page is not secure"],
    remedies: ["Allow the microphone for this site in the browser's settings"],
    fatal: false,
  },
  "wic/microphone-missing": {
    message: "No microphone is available",
    causes: ["None is connected, or another program holds it"],
    remedies: ["Connect a microphone, or close the other program"],
    fatal: false,
  },
  "wic/media-failed": {
    message: "No voice connection",
    causes: ["A firewall blocks UDP", "The network changed during the call", "The session description was unusable"],
    remedies: ["Try another network", "Ask the administrator for a TURN server"],
    fatal: false,
  },
  "wic/dtmf": {
    message: "The digits cannot be sent",
    causes: ["A character is not 0-9, A-D, * or #", "A duration is out of range", "The call has no voice connection"],
    remedies: ["Send 0-9, A-D, * or #, each 40 to 8000 ms long with gaps of at least 30 ms"],
    fatal: false,
  },
  "wic/call-state": {
    message: "That is not possible in this state of the call",
    causes: ["The call is not established, or another change is under way"],
    remedies: ["Try again after the call's next state event"],
    fatal: false,
  },
  "wic/hold-refused": {
    message: "The call could not be put on hold or resumed",
    causes: ["The other side or the network refused the change"],
    remedies: ["Try again"],
    fatal: false,
  },
  "wic/emergency": {
    message: "Emergency calls are not possible here: use another telephone",
    causes: ["The dialled number is an emergency number, which this service does not carry"],
    remedies: ["Use a mobile or fixed telephone"],
    fatal: false,
  },
};

/**
 * The one error the SDK throws or reports. Its texts are fixed; none holds a token, a number or a name.
 */
export class WicError extends Error {
  override readonly name = "WicError";
  readonly code: WicErrorCode;
  /** What may be behind it, likeliest first. */
  readonly causes: readonly string[];
  /** What a person can do about it. */
  readonly remedies: readonly string[];
  /** True when the client does not go on by itself. */
  readonly fatal: boolean;
  /** SIP or HTTP status that led to it. */
  readonly status?: number;
  /** Seconds that the network asked to wait (Retry-After). */
  readonly retryAfter?: number;

  constructor(code: WicErrorCode, options: { cause?: unknown; status?: number; retryAfter?: number } = {}) {
    const entry = catalogue[code];
    super(entry.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.causes = entry.causes;
    this.remedies = entry.remedies;
    this.fatal = entry.fatal;
    if (options.status !== undefined) this.status = options.status;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

/** Every code of the catalogue, for documentation and tests. */
export const wicErrorCodes: readonly WicErrorCode[] = Object.keys(catalogue) as WicErrorCode[];
