import { isIP } from "node:net";

/** What stands at the beginning of a connection. */
export type ProxyHeader =
  /** More octets are needed to tell. */
  | { readonly state: "incomplete" }
  | { readonly state: "malformed"; readonly reason: string }
  /** `length` octets are the header. Without a source the proxy speaks for itself (LOCAL, UNKNOWN). */
  | { readonly state: "complete"; readonly length: number; readonly source?: { address: string; port: number } };

/** Octets of a version 1 header at most, with its CRLF. */
const longestV1 = 107;
/** Octets after the fixed part of version 2 that are taken: addresses, and extensions of a load balancer. */
const longestV2 = 4096;
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const incomplete: ProxyHeader = { state: "incomplete" };
const malformed = (reason: string): ProxyHeader => ({ state: "malformed", reason });

/** Reads a header of the PROXY protocol, version 1 or 2, from what a connection began with. */
export function readProxyHeader(octets: Buffer): ProxyHeader {
  const shared = Math.min(octets.length, signature.length);
  if (octets.subarray(0, shared).equals(signature.subarray(0, shared))) {
    return octets.length < 16 ? incomplete : version2(octets);
  }
  const word = "PROXY ";
  const begin = octets.toString("latin1", 0, Math.min(octets.length, word.length));
  return word.startsWith(begin) ? version1(octets) : malformed("begins with no PROXY header");
}

/** `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n` */
function version1(octets: Buffer): ProxyHeader {
  const end = octets.subarray(0, longestV1).indexOf("\r\n");
  if (end === -1) return octets.length < longestV1 ? incomplete : malformed("version 1 header without an end");
  const length = end + 2;
  const [, family, source = "", target = "", port = "", targetPort = "", more] = octets
    .toString("latin1", 0, end)
    .split(" ");
  if (family === "UNKNOWN") return { state: "complete", length };
  const kind = family === "TCP4" ? 4 : family === "TCP6" ? 6 : -1;
  if (isIP(source) !== kind || isIP(target) !== kind || !isPort(port) || !isPort(targetPort) || more !== undefined) {
    return malformed("version 1 header with a wrong address");
  }
  return { state: "complete", length, source: { address: source, port: Number(port) } };
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

/** Signature, version and command, family, length, addresses, extensions. */
function version2(octets: Buffer): ProxyHeader {
  const command = octets.readUInt8(12);
  const family = octets.readUInt8(13);
  const rest = octets.readUInt16BE(14);
  if (command >> 4 !== 2 || (command & 0x0f) > 1) return malformed("unknown version or command");
  if (rest > longestV2) return malformed("version 2 header too long");
  const length = 16 + rest;
  if (octets.length < length) return incomplete;
  // LOCAL: a health check of the proxy itself. Other families than TCP have no address of ours.
  if ((command & 0x0f) === 0) return { state: "complete", length };
  if (family === 0x11) {
    if (rest < 12) return malformed("version 2 header too short");
    const address = [...octets.subarray(16, 20)].join(".");
    return { state: "complete", length, source: { address, port: octets.readUInt16BE(24) } };
  }
  if (family === 0x21) {
    if (rest < 36) return malformed("version 2 header too short");
    const groups = Array.from({ length: 8 }, (_, n) => octets.readUInt16BE(16 + 2 * n).toString(16));
    // The one form that URLs, sockets and logs write.
    const address = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
    return { state: "complete", length, source: { address, port: octets.readUInt16BE(48) } };
  }
  return { state: "complete", length };
}
