export type { Clock, Hop, Random } from "./ports.ts";
export { SipError } from "./errors.ts";
export type { SipErrorCode } from "./errors.ts";
export { explainSipError } from "./explain.ts";
export { octets } from "./octets.ts";
export { formatParams, quote, unquote } from "./params.ts";
export type { Params } from "./params.ts";
export { formatUri, parseUri } from "./uri.ts";
export type { SipUri } from "./uri.ts";
export { sameUri } from "./sameUri.ts";
export { formatNameAddr, parseNameAddr } from "./nameAddr.ts";
export type { NameAddr } from "./nameAddr.ts";
export { formatVia, parseVia } from "./via.ts";
export type { Via } from "./via.ts";
export { parseCredentials } from "./credentials.ts";
export type { Credentials } from "./credentials.ts";
export { createResponse, parseMessage, SipRequest, SipResponse } from "./message.ts";
export type { Body, CSeq, HeaderList, ResponseOptions, SipMessage } from "./message.ts";
export { createRefusal } from "./refusal.ts";
export { reasonPhrase } from "./reasonPhrases.ts";
export { StreamFramer } from "./framer.ts";
export { Dialog } from "./dialog.ts";
export type { DialogState } from "./dialog.ts";
export { TransactionLayer } from "./transaction/layer.ts";
export type { TransactionLayerOptions } from "./transaction/layer.ts";
export type { ClientFailure, ClientListener, ClientTransaction } from "./transaction/clientTransaction.ts";
export type { ServerTransaction } from "./transaction/serverTransaction.ts";
export { accessTimers, coreTimers } from "./transaction/timers.ts";
export type { Timers } from "./transaction/timers.ts";
export { UserAgent } from "./userAgent.ts";
export type { UserAgentOptions } from "./userAgent.ts";
export type { InviteEnd, InviteEvents, InviteState, InviteUsage, ProgressOptions } from "./invite/usage.ts";
export { parseReginfo } from "./reginfo.ts";
export type { Reginfo, ReginfoContact, ReginfoRegistration } from "./reginfo.ts";
export { glareDelay } from "./invite/glare.ts";
export { SessionTimer } from "./session/sessionTimer.ts";
export type { SessionTerms, SessionTimerOptions } from "./session/sessionTimer.ts";
export { refreshSession } from "./session/refresh.ts";
export type {
  SubscribeOptions,
  Subscription,
  SubscriptionEvents,
  SubscriptionPhase,
} from "./subscription/subscription.ts";
export type { SubscriptionEnd } from "./subscription/state.ts";
export { targetsOf } from "./target/target.ts";
export type { Target, TargetOptions } from "./target/target.ts";
export type { NaptrRecord, Resolver, SrvRecord } from "./target/resolver.ts";
