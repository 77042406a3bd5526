interface Entry {
  /** HTTP status of the answer to the page. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly remedy: string;
}

const catalogue = {
  signed_out: {
    status: 401,
    title: "You are signed out",
    detail: "Your session at this site has ended, or the operator has ended its part of it.",
    remedy: "Sign in again.",
  },
  foreign_request: {
    status: 403,
    title: "Request refused",
    detail: "The request did not come from a page of this site.",
    remedy: "Open the site by its own address and try again.",
  },
  method: {
    status: 405,
    title: "Method not allowed",
    detail: "An IMS session is fetched with GET and ended with DELETE.",
    remedy: "Use one of these methods.",
  },
  block_exhausted: {
    status: 503,
    title: "No telephone line is free",
    detail: "Every number that the company holds with the operator is assigned to somebody.",
    remedy: "Ask your administrator for a number.",
  },
  telephony_suspended: {
    status: 403,
    title: "Telephone service is suspended",
    detail: "The operator does not admit the company, or you, to its network at present.",
    remedy: "Ask your administrator about telephone calls.",
  },
  identity_refused: {
    status: 403,
    title: "This number is not yours to use",
    detail: "The operator refused the identity that was asked for.",
    remedy: "Sign out and in again; if it stays so, tell your administrator.",
  },
  portal_busy: {
    status: 503,
    title: "The telephone network is busy",
    detail: "The operator's portal asks to come back later.",
    remedy: "Wait a moment; the page tries again by itself.",
  },
  portal_unreachable: {
    status: 502,
    title: "The telephone network cannot be reached",
    detail: "The operator's portal does not answer, or not in time.",
    remedy: "Wait a moment; the page tries again by itself.",
  },
  portal_refused: {
    status: 502,
    title: "The operator's portal refused this site",
    detail: "The site's key or configuration does not match what the operator knows; the cause says more.",
    remedy: "Tell your administrator.",
  },
} as const;

/** Stable name of an error of this package. */
export type WwsfErrorCode = keyof typeof catalogue;

/** An error as a page gets it: problem details (RFC 9457) with our stable code and a remedy. */
export interface Problem {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: WwsfErrorCode;
  readonly remedy: string;
}

/** The one error this package throws. Its `cause` says what the operator answered, for the log; it holds no token. */
export class WwsfError extends Error {
  override readonly name = "WwsfError";
  readonly code: WwsfErrorCode;
  /** HTTP status for the page, 401 to 503. */
  readonly status: number;
  /** Seconds to wait, where the operator says so. */
  readonly retryAfter: number | undefined;

  constructor(code: WwsfErrorCode, options: { readonly cause?: unknown; readonly retryAfter?: number } = {}) {
    super(catalogue[code].title, options);
    const entry: Entry = catalogue[code];
    this.code = code;
    this.status = entry.status;
    this.retryAfter = options.retryAfter;
  }

  /** The body for the page. */
  toProblem(): Problem {
    const { title, status, detail, remedy }: Entry = catalogue[this.code];
    return { type: "about:blank", title, status, detail, code: this.code, remedy };
  }
}
