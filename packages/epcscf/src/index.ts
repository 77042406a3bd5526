export { Epcscf } from "./epcscf.ts";
export type { EpcscfOptions } from "./options.ts";
export type { CoreOptions } from "./core.ts";
export { EpcscfError, TokenError, type EpcscfErrorCode } from "./errors.ts";
export type { DialPlan } from "./policy/dialPlan.ts";
export type {
  AccessClaims,
  BlockEntry,
  BlockTable,
  Log,
  RegistrationFact,
  Revocation,
  Revocations,
  TokenVerifier,
} from "./ports.ts";
export { JwtVerifier, type JwtVerifierOptions } from "./token.ts";
