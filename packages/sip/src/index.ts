export type { Clock, Hop, Random } from "./ports.ts";
export { SipError } from "./errors.ts";
export type { SipErrorCode } from "./errors.ts";
