import type { Hop } from "@portico/sip";

/** One end of a transport flow. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** A hop that knows whom it reaches. */
export interface RemoteHop extends Hop {
  readonly remote: SocketAddress;
}

/** `host:port`, with the brackets of an IPv6 literal (RFC 3261 §25.1 hostport). */
export function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A socket's idea of an address without the IPv4-mapped prefix that dual-stack sockets show. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
