export { skewSeconds } from "@portico/store";

/** Life of a web session without a new ID token, seconds. */
export const sessionSeconds: number = 24 * 3600;
/** Life of an access token unless the operator says otherwise, seconds (WAF-06). */
export const defaultAccessTokenSeconds = 3600;
/** Longest life of an access token an operator may configure, seconds (WAF-06). */
export const maxAccessTokenSeconds: number = 24 * 3600;
/** How long the audit of access tokens is kept unless the operator says otherwise, seconds. */
export const auditSeconds: number = 90 * 24 * 3600;
/** How long a used refresh token is taken for one whose answer was lost, seconds. */
export const graceSeconds = 30;
/** How long a new signing key is published before it signs, seconds: twice what the JWK Set may be kept. */
export const keyLeadSeconds = 600;
/** How long a signing key signs before the next one is made, seconds. */
export const keyRotationSeconds: number = 90 * 24 * 3600;
/** How long it is kept who held an identity, after she no longer does, unless the operator says otherwise, seconds. */
export const personSeconds: number = 365 * 24 * 3600;
