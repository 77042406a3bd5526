export { openEmbeddedPlane, type EmbeddedPlaneOptions } from "./embedded/plane.ts";
export type { AccessAddress } from "./embedded/accessPorts.ts";
export { AgwError, type AgwErrorCode } from "./errors.ts";
export type {
  AccessRemote,
  AccessTermination,
  CodecPair,
  CoreRemote,
  CoreTermination,
  DropReason,
  MediaContext,
  MediaEvent,
  MediaPlane,
  MediaStats,
  RelayPlan,
  SrtpProfileName,
  TerminationStats,
} from "./mediaPlane.ts";
