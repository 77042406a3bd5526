import { getAttribute } from "./description.ts";
import type { MediaDescription, SessionDescription } from "./description.ts";
import { readNumber, words } from "./numbers.ts";

/** One side's ICE parameters for one medium (RFC 8839 §5). */
export interface IceParameters {
  ufrag: string;
  pwd: string;
  lite: boolean;
  /** All well-formed candidates, also those of names (.local) and of TCP. */
  candidates: Candidate[];
}

export interface Candidate {
  foundation: string;
  /** 1 RTP, 2 RTCP */
  component: number;
  /** Lower-case: "udp", "tcp". */
  transport: string;
  /** 1 to 2^31 - 1 */
  priority: number;
  /** IPv4, IPv6 or a name such as <uuid>.local. */
  address: string;
  port: number;
  /** "host", "srflx", "prflx", "relay" or one of the future. */
  type: string;
  relatedAddress?: string;
  relatedPort?: number;
  /** RFC 6544 §4.5: "active", "passive" or "so". */
  tcpType?: string;
  /** Further name and value pairs: generation, network-id … */
  extensions?: [name: string, value: string][];
}

/** The ICE parameters of a medium; credentials of the session serve media without their own (RFC 8839 §5.4). */
export function iceOf(session: SessionDescription, media: MediaDescription): IceParameters | undefined {
  const ufrag = getAttribute(media, "ice-ufrag") ?? getAttribute(session, "ice-ufrag");
  const pwd = getAttribute(media, "ice-pwd") ?? getAttribute(session, "ice-pwd");
  // RFC 8839 §5.4: ufrag of 4 to 256, pwd of 22 to 256 characters.
  if (ufrag === undefined || pwd === undefined || !isIceText(ufrag, 4) || !isIceText(pwd, 22)) return undefined;
  const candidates: Candidate[] = [];
  for (const { name, value } of media.attributes) {
    const candidate = name === "candidate" && value !== undefined ? parseCandidate(value) : undefined;
    if (candidate) candidates.push(candidate);
  }
  return { ufrag, pwd, lite: getAttribute(session, "ice-lite") !== undefined, candidates };
}

/** Reads the value of an a=candidate line, with or without the word "candidate:"; undefined if malformed. */
export function parseCandidate(text: string): Candidate | undefined {
  const parts = words(text.startsWith("candidate:") ? text.slice(10) : text);
  const [foundation, componentText, transport, priorityText, address, portText, typ, type] = parts;
  const component = readNumber(componentText, 256);
  const priority = readNumber(priorityText, 0x7fff_ffff);
  const port = readNumber(portText, 65_535);
  if (foundation === undefined || transport === undefined || address === undefined || type === undefined)
    return undefined;
  if (!component || !priority || port === undefined || typ !== "typ") return undefined;
  const candidate: Candidate = {
    foundation,
    component,
    transport: transport.toLowerCase(),
    priority,
    address,
    port,
    type,
  };
  for (let at = 8; at + 1 < parts.length; at += 2) {
    const [name, value] = [parts[at] ?? "", parts[at + 1] ?? ""];
    if (name === "raddr") candidate.relatedAddress = value;
    else if (name === "rport") candidate.relatedPort = readNumber(value, 65_535) ?? 0;
    else if (name === "tcptype") candidate.tcpType = value;
    else (candidate.extensions ??= []).push([name, value]);
  }
  return candidate;
}

/** Writes the value of an a=candidate line (RFC 8839 §5.1). */
export function formatCandidate(candidate: Candidate): string {
  const { foundation, component, transport, priority, address, port, type } = candidate;
  const parts = [foundation, component, transport, priority, address, port, "typ", type];
  if (candidate.relatedAddress !== undefined) parts.push("raddr", candidate.relatedAddress);
  if (candidate.relatedPort !== undefined) parts.push("rport", candidate.relatedPort);
  if (candidate.tcpType !== undefined) parts.push("tcptype", candidate.tcpType);
  for (const extension of candidate.extensions ?? []) parts.push(...extension);
  return parts.join(" ");
}

/** ice-char of RFC 8839 §5.4: letters, digits, "+" and "/". */
function isIceText(text: string, min: number): boolean {
  return text.length >= min && text.length <= 256 && /^[A-Za-z0-9+/]+$/.test(text);
}
