export { systemClock } from "./clock.ts";
export { openSipEndpoint } from "./endpoint.ts";
export type { HopTarget, SipEndpoint, SipEndpointOptions } from "./endpoint.ts";
export { TransportError } from "./errors.ts";
export type { TransportErrorCode } from "./errors.ts";
export { systemRandom } from "./random.ts";
export type { RemoteHop, SocketAddress } from "./remote.ts";
export type { TlsCredentials, TlsOptions } from "./tls.ts";
