import type { Direction } from "@portico/sdp";

const directions: ReadonlySet<string> = new Set<Direction>(["sendrecv", "sendonly", "recvonly", "inactive"]);

/** What a P-Early-Media of the core allows before the answer (RFC 5009 §5), seen from the core; undefined: it says nothing. */
export function earlyMediaOf(value: string | undefined): Direction | undefined {
  const params = (value ?? "").toLowerCase().split(/[,\s]+/);
  return params.find((param): param is Direction => directions.has(param));
}
