import { WicError } from "./errors.ts";
import type { WicErrorCode } from "./errors.ts";

/** Why the portal ended a registration: the words of its close frame, and what they are to a person. */
const endings: Readonly<Record<string, WicErrorCode>> = {
  revoked: "wic/access-revoked",
  "token-expired": "wic/permission-ended",
  operator: "wic/registration-ended",
  "not-in-block": "wic/registration-refused",
  network: "wic/registration-expired",
  expired: "wic/registration-expired",
};

/** What it means that the portal has closed the connection (RFC 6455 §7.4; codes from 4000 on are the portal's own). */
export function closeError(code: number | undefined, reason: string): WicError {
  if (code === 1001 || code === 1012) return new WicError("wic/portal-restarting");
  if (code === 4409) return new WicError("wic/replaced");
  const known = code === 4403 && Object.hasOwn(endings, reason) ? endings[reason] : undefined;
  return new WicError(known ?? "wic/connection-lost");
}
