export { VirtualClock } from "./virtualClock.ts";
export { SeededRandom } from "./seededRandom.ts";
export { Wire } from "./wire.ts";
