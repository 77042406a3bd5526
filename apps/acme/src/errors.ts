/** What the page shows when something fails: what happened, why, and what the user can do. Sent as JSON by every `/api` route. */
export interface Problem {
  readonly error: AcmeErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly remedy: string;
}

interface Entry {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly remedy: string;
}

/** Stable code of an error of this site. */
export type AcmeErrorCode =
  | "signed_out"
  | "foreign_request"
  | "bad_request"
  | "not_found"
  | "misdirected"
  | "sign_in_failed"
  | "block_exhausted"
  | "telephony_suspended"
  | "identity_refused"
  | "portal_unreachable"
  | "portal_refused"
  | "internal";

const catalogue: Record<AcmeErrorCode, Entry> = {
  signed_out: {
    status: 401,
    title: "You are signed out",
    detail: "Your session at Acme has ended.",
    remedy: "Sign in again.",
  },
  foreign_request: {
    status: 403,
    title: "Request refused",
    detail: "The request did not come from Acme's own page.",
    remedy: "Open Acme Talk by its own address and try again.",
  },
  bad_request: {
    status: 400,
    title: "Request not understood",
    detail: "Something in the request is missing or malformed.",
    remedy: "Reload the page and try again.",
  },
  not_found: {
    status: 404,
    title: "Not found",
    detail: "There is nothing at this address.",
    remedy: "Go back to the start page.",
  },
  misdirected: {
    status: 421,
    title: "Wrong address",
    detail: "This site does not answer under the name that was used.",
    remedy: "Use the address your administrator gave you.",
  },
  sign_in_failed: {
    status: 400,
    title: "Sign-in was not completed",
    detail: "The sign-in was interrupted, or its page was kept open too long.",
    remedy: "Start the sign-in again.",
  },
  block_exhausted: {
    status: 503,
    title: "No telephone line is free",
    detail: "Every number that Acme holds with the operator is assigned to somebody.",
    remedy: "Calls to colleagues work. For a number, ask your administrator.",
  },
  telephony_suspended: {
    status: 403,
    title: "Telephone service is suspended",
    detail: "The operator does not admit Acme, or you, to its network at present.",
    remedy: "Calls to colleagues work. Ask your administrator about telephone calls.",
  },
  identity_refused: {
    status: 403,
    title: "This number is not yours to use",
    detail: "The operator refused the identity that was asked for.",
    remedy: "Sign out and in again; if it stays so, tell your administrator.",
  },
  portal_unreachable: {
    status: 502,
    title: "The telephone network cannot be reached",
    detail: "The operator's portal does not answer.",
    remedy: "Calls to colleagues work. We keep trying; nothing to do for you.",
  },
  portal_refused: {
    status: 502,
    title: "The operator's portal refused Acme",
    detail: "Acme's key or configuration does not match what the operator knows.",
    remedy: "Calls to colleagues work. Tell your administrator.",
  },
  internal: {
    status: 500,
    title: "Something went wrong at Acme",
    detail: "The server failed to answer this request.",
    remedy: "Try again in a moment.",
  },
};

/** An error with a place in the catalogue: a stable code, an HTTP status, and words for the user. */
export class AcmeError extends Error {
  readonly code: AcmeErrorCode;
  readonly status: number;

  constructor(code: AcmeErrorCode, options: { cause?: unknown } = {}) {
    super(catalogue[code].title, options);
    this.name = "AcmeError";
    this.code = code;
    this.status = catalogue[code].status;
  }

  /** The JSON body for the page. */
  toProblem(): Problem {
    const { title, detail, remedy } = catalogue[this.code];
    return { error: this.code, title, detail, remedy };
  }
}
