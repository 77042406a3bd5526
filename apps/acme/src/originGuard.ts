import type { IncomingHttpHeaders } from "node:http";
import { AcmeError } from "./errors.ts";

interface Asked {
  readonly headers: IncomingHttpHeaders;
}

/** A header no form can set and no foreign page may set without a preflight, which this site never grants. */
const guardHeader = "x-acme-talk";

/** True when the request states that it comes from a page of this site. Browsers add Origin to every POST and WebSocket. */
export function sameOrigin({ headers }: Asked, publicUrl: string): boolean {
  return headers.origin === publicUrl;
}

/**
 * Refuses a state-changing API request that a foreign page could have caused.
 * @throws AcmeError `foreign_request`
 */
export function requireOwnPage(request: Asked, publicUrl: string): void {
  if (!sameOrigin(request, publicUrl) || request.headers[guardHeader] === undefined)
    throw new AcmeError("foreign_request");
}

/**
 * Refuses to be read by a foreign page's script. CORS already keeps the answer from it; this keeps the work from being done.
 * @throws AcmeError `foreign_request`
 */
export function requireOwnReader({ headers }: Asked): void {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") throw new AcmeError("foreign_request");
}
