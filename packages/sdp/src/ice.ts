import { getAttribute } from "./description.ts";
import type { Attribute, MediaDescription, SessionDescription } from "./description.ts";
import { readNumber, words } from "./numbers.ts";

/** One side's ICE parameters for one medium (RFC 8839 §5). */
export interface IceParameters {
  ufrag: string;
  pwd: string;
  lite: boolean;
  /** a=ice-options:trickle: candidates may follow later (RFC 8840 §4.1). */
  trickle: boolean;
  /** a=end-of-candidates: no more will follow (RFC 8840 §8.2). */
  endOfCandidates: boolean;
  /** a=ice-mismatch: the answer found a default destination without a candidate, there is no ICE (RFC 8839 §5.3). */
  mismatch: boolean;
  /** a=ice-pacing: milliseconds between two checks (RFC 8839 §5.5). */
  pacing?: number;
  /** All well-formed candidates, also those of names (.local) and of TCP. */
  candidates: Candidate[];
  /** a=remote-candidates of a controlling side that has chosen (RFC 8839 §5.2). */
  remoteCandidates?: RemoteCandidate[];
}

/** A transport address where media can be sent, as an a=candidate line has it (RFC 8839 §5.1). */
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

/**
 * A candidate of the other side that was chosen for one component (RFC 8839 §5.2).
 *
 * @example
 * const rtp: RemoteCandidate = { component: 1, address: "192.0.2.7", port: 50_000 };
 */
export interface RemoteCandidate {
  /** 1 RTP, 2 RTCP */
  component: number;
  address: string;
  port: number;
}

/**
 * The ICE parameters of a medium; credentials of the session serve media without their own (RFC 8839 §5.4). Undefined
 * without credentials of the lengths and characters that RFC 8839 §5.4 asks for.
 *
 * @example
 * ```ts
 * const lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "a=ice-lite", "m=audio 9 UDP/TLS/RTP/SAVPF 8"];
 * lines.push("a=ice-ufrag:8hhY", "a=ice-pwd:asd88fgpdd777uzjYhagZg", "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host");
 * const session = parseSdp(lines.join("\r\n"));
 * for (const media of session.media) iceOf(session, media)?.candidates[0]?.type; // "host"
 * ```
 */
export function iceOf(session: SessionDescription, media: MediaDescription): IceParameters | undefined {
  const either = (name: string): string | undefined => getAttribute(media, name) ?? getAttribute(session, name);
  const ufrag = either("ice-ufrag");
  const pwd = either("ice-pwd");
  // RFC 8839 §5.4: ufrag of 4 to 256, pwd of 22 to 256 characters.
  if (ufrag === undefined || pwd === undefined || !isIceText(ufrag, 4) || !isIceText(pwd, 22)) return undefined;
  const candidates: Candidate[] = [];
  for (const { name, value } of media.attributes) {
    const candidate = name === "candidate" && value !== undefined ? parseCandidate(value) : undefined;
    if (candidate) candidates.push(candidate);
  }
  const parameters: IceParameters = {
    ufrag,
    pwd,
    lite: getAttribute(session, "ice-lite") !== undefined,
    trickle: words(either("ice-options") ?? "").includes("trickle"),
    endOfCandidates: either("end-of-candidates") !== undefined,
    mismatch: getAttribute(media, "ice-mismatch") !== undefined,
    candidates,
  };
  const pacing = readNumber(getAttribute(session, "ice-pacing"), Number.MAX_SAFE_INTEGER);
  if (pacing !== undefined) parameters.pacing = pacing;
  const chosen = getAttribute(media, "remote-candidates");
  if (chosen !== undefined) parameters.remoteCandidates = readRemoteCandidates(chosen);
  return parameters;
}

/**
 * The media-level lines of a side's ICE: credentials, candidates, end-of-candidates. a=ice-lite belongs to the session.
 *
 * @example
 * ```ts
 * iceAttributes({ ufrag: "8hhY", pwd: "asd88fgpdd777uzjYhagZg", candidates: [], endOfCandidates: true });
 * // a=ice-ufrag:8hhY, a=ice-pwd:asd88fgpdd777uzjYhagZg, a=end-of-candidates
 * ```
 */
export function iceAttributes(
  ice: Pick<IceParameters, "ufrag" | "pwd" | "endOfCandidates"> & { candidates: readonly Candidate[] },
): Attribute[] {
  const attributes: Attribute[] = [
    { name: "ice-ufrag", value: ice.ufrag },
    { name: "ice-pwd", value: ice.pwd },
    ...ice.candidates.map((candidate) => ({ name: "candidate", value: formatCandidate(candidate) })),
  ];
  if (ice.endOfCandidates) attributes.push({ name: "end-of-candidates" });
  return attributes;
}

/**
 * Whether a side's new description restarts ICE: its credentials are others (RFC 8839 §4.4.1.1.1, §4.4.2). One that
 * changes only one of the two is taken for a restart as well, since checks with the old pair could no longer succeed.
 *
 * @param before that side's parameters in the description that holds
 * @example
 * ```ts
 * const before = { ufrag: "8hhY", pwd: "asd88fgpdd777uzjYhagZg" };
 * isIceRestart(before, { ...before }); // false
 * isIceRestart(before, { ufrag: "9uB6", pwd: "YH75Fviy6338Vbrhrlp8Yh" }); // true
 * ```
 */
export function isIceRestart(
  before: Pick<IceParameters, "ufrag" | "pwd">,
  after: Pick<IceParameters, "ufrag" | "pwd">,
): boolean {
  return before.ufrag !== after.ufrag || before.pwd !== after.pwd;
}

/**
 * Reads the value of an a=candidate line, with or without the word "candidate:"; undefined if malformed.
 *
 * @example
 * ```ts
 * parseCandidate("candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host")?.transport; // "udp"
 * ```
 */
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

/**
 * Writes the value of an a=candidate line (RFC 8839 §5.1).
 *
 * @example
 * ```ts
 * const at = { address: "192.0.2.1", port: 4000 };
 * formatCandidate({ foundation: "1", component: 1, transport: "udp", priority: 2130706431, ...at, type: "host" });
 * // 1 1 udp 2130706431 192.0.2.1 4000 typ host
 * ```
 */
export function formatCandidate(candidate: Candidate): string {
  const { foundation, component, transport, priority, address, port, type } = candidate;
  let text = `${foundation} ${component} ${transport} ${priority} ${address} ${port} typ ${type}`;
  if (candidate.relatedAddress !== undefined) text += ` raddr ${candidate.relatedAddress}`;
  if (candidate.relatedPort !== undefined) text += ` rport ${candidate.relatedPort}`;
  if (candidate.tcpType !== undefined) text += ` tcptype ${candidate.tcpType}`;
  for (const [name, value] of candidate.extensions ?? []) text += ` ${name} ${value}`;
  return text;
}

function readRemoteCandidates(text: string): RemoteCandidate[] {
  const parts = words(text);
  const candidates: RemoteCandidate[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3) {
    const [component, address, port] = [readNumber(parts[at], 256), parts[at + 1], readNumber(parts[at + 2], 65_535)];
    if (component && address !== undefined && port !== undefined) candidates.push({ component, address, port });
  }
  return candidates;
}

/** ice-char of RFC 8839 §5.4: letters, digits, "+" and "/". */
function isIceText(text: string, min: number): boolean {
  return text.length >= min && text.length <= 256 && /^[A-Za-z0-9+/]+$/.test(text);
}
