export { codecAttributes, codecsOf, sameCodec, type Codec } from "./codecs.ts";
export {
  addressOf,
  bundleOf,
  getAttribute,
  getAttributes,
  midOf,
  type AddressType,
  type Attribute,
  type AttributeOwner,
  type Bandwidth,
  type Connection,
  type Line,
  type MediaDescription,
  type Origin,
  type SessionDescription,
} from "./description.ts";
export { directionOf, intersect, reverse, type Direction } from "./direction.ts";
export { dtlsOf, type DtlsParameters, type Fingerprint } from "./dtls.ts";
export { SdpError, type SdpErrorCode } from "./errors.ts";
export { formatSdp } from "./format.ts";
export { formatCandidate, iceOf, parseCandidate, type Candidate, type IceParameters } from "./ice.ts";
export { parseSdp } from "./parse.ts";
export { rtcpPortOf } from "./rtcp.ts";
