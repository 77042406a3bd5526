import { StoreError } from "@portico/store";
import { WafError, type WafErrorCode } from "@portico/waf";
import { AdminError, type AdminErrorCode } from "./errors.ts";

/** Whatever was thrown, as an error of the Admin API. What nobody foresaw says nothing of itself. */
export function asAdminError(thrown: unknown): AdminError {
  if (thrown instanceof AdminError) return thrown;
  if (thrown instanceof WafError) return ofWaf(thrown);
  if (thrown instanceof StoreError) return new AdminError("unavailable", { headers: { "Retry-After": "1" } });
  const { statusCode } = thrown as { statusCode?: unknown };
  return new AdminError(typeof statusCode === "number" ? ofStatus(statusCode) : "internal");
}

/** Fastify refuses some requests by itself. */
function ofStatus(status: number): AdminErrorCode {
  if (status === 413) return "body_too_large";
  if (status === 415) return "media_type";
  if (status === 404) return "not_found";
  if (status === 503) return "unavailable";
  return status < 500 ? "request_malformed" : "internal";
}

/** What the WAF refuses, in the words of this catalogue. */
const wafCodes: Partial<Record<WafErrorCode, AdminErrorCode>> = {
  tenant_unknown: "not_found",
  no_assignment: "not_found",
  block_unknown: "not_found",
  entry_of_document: "state_conflict",
  tenant_exists: "already_exists",
  tenant_changed: "precondition_failed",
  tenant_of_file: "state_conflict",
  block_exhausted: "state_conflict",
  identity_refused: "state_conflict",
  tenant_suspended: "state_conflict",
};

function ofWaf(error: WafError): AdminError {
  const code = wafCodes[error.code] ?? (error.status >= 500 ? "internal" : "unusable");
  if (code === "not_found" || code === "internal") return new AdminError(code);
  const fields = error.problems.map(({ path, problem }) => ({ in: "body" as const, pointer: path, detail: problem }));
  const detail = `${error.message}. ${error.remedy}`;
  return new AdminError(code, fields.length > 0 ? { fields } : { detail });
}
