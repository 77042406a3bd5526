import { setFlagsFromString } from "node:v8";

/**
 * Sets V8 up for a process through which many short messages pass. What they leave behind is collected a thousand times over, a
 * little each time: threads that share that work cost more to wake than they do, 4 % of all the CPU of a REGISTER. A collection then
 * stops the process for 1.2 ms rather than 0.9, and at the longest seen for 11.5 rather than 4.
 */
export function tuneEngine(): void {
  setFlagsFromString("--no-parallel-scavenge");
}
