export { Epcscf } from "./epcscf.ts";
export type { EpcscfOptions } from "./options.ts";
export type { EpcscfEvent } from "./events.ts";
export type { NetworkView, PeerClass, RegistrationView } from "./registration/view.ts";
export type { Binding, BindingChanges, RegistrationStore } from "./registration/binding.ts";
export type { EndReason } from "./registration/registration.ts";
export { Traces, type TracedMessage, type TraceView } from "./trace.ts";
export type { LegTimes, SessionEnd, SessionView } from "./session/view.ts";
export type { CoreOptions } from "./core.ts";
export { EpcscfError, TokenError, type EpcscfErrorCode } from "./errors.ts";
export { destinationClass, dial, type Dialled, type DialForm, type DialPlan } from "./policy/dialPlan.ts";
export type {
  AccessClaims,
  BlockEntry,
  BlockTable,
  Log,
  MessageFact,
  RegistrationUse,
  SubscriptionFact,
  RegistrationFact,
  Revocation,
  Revocations,
  SessionFact,
  SharedSet,
  SharedLimits,
  SharedThing,
  TenantPolicy,
  TokenVerifier,
} from "./ports.ts";
export { JwtVerifier, type JwtVerifierOptions } from "./token.ts";
