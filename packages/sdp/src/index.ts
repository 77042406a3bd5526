export { answerCodecs, answerMedia, type AcceptedMedia } from "./answer.ts";
export { bandwidthOf } from "./bandwidth.ts";
export { bundleAnswer, bundleOf, midOf } from "./bundle.ts";
export { codecAttributes, codecsOf, sameCodec, type Codec } from "./codecs.ts";
export { dataChannelOf, type DataChannel, type DataChannelMedia } from "./dataChannel.ts";
export {
  addressOf,
  getAttribute,
  getAttributes,
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
export { directionOf, hold, intersect, receives, reverse, sends, type Direction } from "./direction.ts";
export {
  answerSetup,
  dtlsAttributes,
  dtlsOf,
  isNewAssociation,
  type DtlsParameters,
  type Fingerprint,
  type SetupRole,
} from "./dtls.ts";
export { SdpError, type SdpErrorCode } from "./errors.ts";
export { explainSdpError } from "./explain.ts";
export { formatSdp } from "./format.ts";
export {
  formatCandidate,
  iceAttributes,
  iceOf,
  isIceRestart,
  parseCandidate,
  type Candidate,
  type IceParameters,
  type RemoteCandidate,
} from "./ice.ts";
export { addMedia, isDisabled, refusedMedia, removeMedia } from "./mediaLines.ts";
export { msrpOf, type MsrpParameters } from "./msrp.ts";
export { parseSdp } from "./parse.ts";
export { rtcpPortOf } from "./rtcp.ts";
