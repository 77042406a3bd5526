/** How often a random test runs: `usual` times, or as often as PORTICO_FUZZ_RUNS says. */
export function fuzzRuns(usual: number): number {
  return Number(process.env["PORTICO_FUZZ_RUNS"] ?? usual);
}
