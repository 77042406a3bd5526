interface Entry {
  readonly status: number;
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
}

const catalogue = {
  request_malformed: {
    status: 400,
    title: "The request cannot be read",
    cause: "The body is no JSON, or the target or a header breaks HTTP",
    remedy: "Send JSON (RFC 8259) in UTF-8 with Content-Type application/json and a Content-Length that fits.",
  },
  validation_failed: {
    status: 400,
    title: "The request does not fit its schema",
    cause: "A field of body, path, query or header is missing, unknown, or has another form than described",
    remedy: "Correct the fields listed in errors; the description at /admin/v1/openapi.json has their forms.",
  },
  cursor_invalid: {
    status: 400,
    title: "The cursor is not one of this list",
    cause: "It was cut, changed, or taken from another list",
    remedy: "Pass nextCursor exactly as the page before gave it, or begin again without a cursor.",
  },
  // One text for missing, unknown and wrong: the difference would help only a thief.
  unauthenticated: {
    status: 401,
    title: "The credentials were not accepted",
    cause: "There are none, or they are no live API key and no token of the configured OpenID provider",
    remedy: "Send Authorization: Bearer with an API key of this portal or an access token of the OpenID provider.",
  },
  credentials_expired: {
    status: 401,
    title: "The credentials have expired",
    cause: "The API key or token is genuine, and its time is over",
    remedy: "Get a new token, or have an operator make a new API key.",
  },
  role_refused: {
    status: 403,
    title: "The role does not allow this",
    cause: "The table of endpoints and roles refuses the operation to the role of these credentials",
    remedy: "Use credentials of a role that may; docs/admin-api.md has the table.",
  },
  // The same for what does not exist and for what belongs to another tenant.
  not_found: {
    status: 404,
    title: "There is no such thing",
    cause: "It never existed, has ended, or is not within reach of these credentials",
    remedy: "Look the id up in the list that it comes from.",
  },
  method_unknown: {
    status: 405,
    title: "The resource has no such method",
    cause: "The path exists, the method does not",
    remedy: "Use a method that Allow names.",
  },
  already_exists: {
    status: 409,
    title: "Something of this name exists already",
    cause: "An id, client id or number that must be unique is taken",
    remedy: "Choose another one, or change what exists.",
  },
  state_conflict: {
    status: 409,
    title: "The present state does not allow this",
    cause: "The thing is in use, or is not in the state that the operation needs",
    remedy: "Read its present state, end what still uses it, and try again.",
  },
  idempotency_busy: {
    status: 409,
    title: "A request with this Idempotency-Key is being worked on",
    cause: "The same request was sent twice at once",
    remedy: "Wait for the first answer, or repeat the request after a second.",
  },
  precondition_failed: {
    status: 412,
    title: "The resource has changed meanwhile",
    cause: "If-Match names another version than the present one",
    remedy: "Read the resource, apply your change to what it says now, and send its ETag in If-Match.",
  },
  body_too_large: {
    status: 413,
    title: "The body is too large",
    cause: "It exceeds the limit of the endpoint",
    remedy: "Send less at once; large imports go in several requests.",
  },
  media_type: {
    status: 415,
    title: "The media type is not understood",
    cause: "Content-Type is absent or not one the endpoint takes",
    remedy: "Send the Content-Type that the description names.",
  },
  unusable: {
    status: 422,
    title: "The request has the right form, but cannot be carried out",
    cause: "Its values break a rule that the detail names",
    remedy: "Change the values as the detail says.",
  },
  idempotency_mismatch: {
    status: 422,
    title: "This Idempotency-Key belongs to another request",
    cause: "The key was used before with another body or target",
    remedy: "Use a fresh key for each new request, and the same key only to repeat one.",
  },
  precondition_required: {
    status: 428,
    title: "The request must say which version it changes",
    cause: "If-Match is missing: without it a change made meanwhile by somebody else would be lost",
    remedy: "Read the resource and send its ETag in If-Match.",
  },
  too_many_requests: {
    status: 429,
    title: "Too many requests",
    cause: "These credentials, or failed attempts from this address, exceed their rate",
    remedy: "Wait as Retry-After says; use the event stream instead of polling.",
  },
  headers_too_large: {
    status: 431,
    title: "The headers are too large",
    cause: "They exceed 16 KiB",
    remedy: "Send fewer and shorter headers.",
  },
  internal: {
    status: 500,
    title: "The request failed on the side of the portal",
    cause: "An unexpected error; the portal's log has it under the same instance",
    remedy: "Try again later; then give instance to the operator.",
  },
  unavailable: {
    status: 503,
    title: "The portal cannot do this now",
    cause: "It is starting or closing, its database does not answer, or its bound of such work is reached",
    remedy: "Try again as Retry-After says.",
  },
} as const satisfies Record<string, Entry>;

/** Stable name of an error of the Admin API. */
export type AdminErrorCode = keyof typeof catalogue;

/** A field that does not fit. */
export interface FieldError {
  readonly in: "body" | "path" | "query" | "header";
  /** JSON Pointer (RFC 6901) to the field; in path, query and header `/NAME`. */
  readonly pointer: string;
  readonly detail: string;
}

/** The one error the Admin API answers with. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  readonly code: AdminErrorCode;
  readonly detail: string | undefined;
  readonly fields: readonly FieldError[] | undefined;
  /** Headers the answer must carry. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param more `detail`: what exactly is wrong, without personal data */
  constructor(
    code: AdminErrorCode,
    more: { detail?: string; fields?: readonly FieldError[]; headers?: Record<string, string> } = {},
  ) {
    super(more.detail === undefined ? catalogue[code].title : `${catalogue[code].title}: ${more.detail}`);
    this.code = code;
    this.detail = more.detail;
    this.fields = more.fields;
    this.headers = more.headers ?? {};
  }

  get status(): number {
    return catalogue[this.code].status;
  }

  get entry(): Entry {
    return catalogue[this.code];
  }
}

/** An error of the catalogue with its code. */
export interface CataloguedError extends Entry {
  readonly code: AdminErrorCode;
}

/** The whole catalogue, in the order of status. */
export const errorCatalogue: readonly CataloguedError[] = Object.entries(catalogue).map(
  ([code, { status, title, cause, remedy }]) => ({ code: code as AdminErrorCode, status, title, cause, remedy }),
);

/** All codes, in the order of their status. */
export const errorCodes: readonly AdminErrorCode[] = Object.keys(catalogue) as AdminErrorCode[];
