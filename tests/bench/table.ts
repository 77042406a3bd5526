import type { Cost, Measured } from "./figure.ts";

const units = { us: "us CPU", bytes: "bytes", ms: "ms" };

/** A line of the printed table: ours, then ours divided by each peer's. */
export function tableRow({ name, unit, ours }: Measured, peers: readonly Cost[]): string {
  const beside = peers.map((peer) => `${peer.ratio.toPrecision(2)} of ${peer.name} (${peer.cost.toPrecision(3)})`);
  return `${name.padEnd(18)}${String(ours).padStart(9)} ${units[unit].padEnd(7)}${beside.join("; ")}`.trimEnd();
}
