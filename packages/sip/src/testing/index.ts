export { VirtualClock } from "./virtualClock.ts";
export { SeededRandom } from "./seededRandom.ts";
export { Wire } from "./wire.ts";
export { ScriptedPeer } from "./scriptedPeer.ts";
export type { ScriptedPeerOptions } from "./scriptedPeer.ts";
