import { readFileSync } from "node:fs";

/**
 * @param pid of the process, or `self`
 * @returns octets of memory that a process holds by itself: its share of what is anonymous and of what it shares with its like. Pages of
 * files, such as its program, are left out: they are the system's, and its share in them changes with who else runs.
 * Undefined elsewhere than on Linux 5.9 and later.
 */
export function memoryOf(pid: string): number | undefined {
  let rollup: string;
  try {
    rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  } catch {
    return undefined;
  }
  const found = [...rollup.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB$/gm)];
  return found.length === 0 ? undefined : found.reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0);
}
