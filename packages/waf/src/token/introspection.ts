import type { JWTPayload } from "jose";

/** What introspection says of a token (RFC 7662 §2.2). */
export type Introspection = { readonly active: false } | ({ readonly active: true } & JWTPayload);
