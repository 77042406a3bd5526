import { octets, parseCredentials, parseNameAddr, parseUri } from "@portico/sip";
import type { SipMessage, SipRequest, SipResponse } from "@portico/sip";
import { SdpError, bundleOf, parseSdp } from "@portico/sdp";
import type { Attribute } from "@portico/sdp";

/**
 * What the portal must not let through to the core, or must add, as a real core would notice or a reviewer would object.
 * Each finding names the requirement that it breaks.
 */
export function inspectRequest(request: SipRequest): string[] {
  const findings = [...inspectCredentials(request), ...inspectSdp(request)];
  if (!request.has("Max-Forwards")) findings.push("RFC 3261 §8.1.1.6: no Max-Forwards");
  if (request.has("P-Preferred-Identity")) findings.push("EPC-SES-04: P-Preferred-Identity toward the core");
  if (request.method === "REGISTER") findings.push(...inspectRegister(request));
  else findings.push(...inspectOthers(request));
  return findings;
}

/** The same for a response. */
export function inspectResponse(response: SipResponse): string[] {
  const findings = inspectSdp(response);
  if (response.cseq.method === "INVITE") findings.push(...inspectContact(response));
  if (response.has("P-Preferred-Identity")) findings.push("EPC-SES-04: P-Preferred-Identity toward the core");
  return findings;
}

function inspectCredentials(request: SipRequest): string[] {
  const values = [...request.all("Authorization"), ...request.all("Proxy-Authorization")];
  const bearer = values.some((value) => value.trimStart().toLowerCase().startsWith("bearer"));
  return bearer ? ["EPC-REG-07: Bearer token toward the core"] : [];
}

function inspectRegister(request: SipRequest): string[] {
  const findings: string[] = [];
  if (!request.has("P-Visited-Network-ID")) findings.push("EPC-REG-12: no P-Visited-Network-ID");
  if (!request.has("Path")) findings.push("EPC-REG-11: no Path");
  else {
    if (!hasOption(request, "Require", "path")) findings.push("EPC-REG-11: Path without Require: path");
    if (!hasOption(request, "Supported", "path")) findings.push("RFC 3327 §5.1: Path without Supported: path");
    if (request.list("Path").some(isBrowserAddress)) findings.push("EPC-REG-11: Path of the browser's side");
  }
  if (!hasIcid(request)) findings.push("EPC-REG-13: no P-Charging-Vector");
  if (request.has("Record-Route")) findings.push("EPC-SES-05: Record-Route in REGISTER");
  if (request.list("Contact").some(isBrowserAddress)) findings.push("EPC-REG-17: Contact of the browser");
  return findings;
}

function inspectOthers(request: SipRequest): string[] {
  const findings: string[] = [];
  const initial = request.toTag === undefined && request.method !== "ACK" && request.method !== "CANCEL";
  if (initial && !hasIcid(request)) findings.push("EPC-SES-06: no P-Charging-Vector");
  if (initial && !request.has("P-Asserted-Identity")) findings.push("EPC-SES-04: no P-Asserted-Identity");
  if (!inviteMethods.has(request.method)) return findings;
  // INVITE dialogs end at the portal (B2BUA), so nothing of the browser's leg may show
  if (request.list("Via").some((via) => /SIP\s*\/\s*2\.0\s*\/\s*WSS?\s/i.test(via) || via.includes(".invalid"))) {
    findings.push("EPC-SES-05: Via of the browser's leg");
  }
  if (request.list("Route").some(isBrowserAddress)) findings.push("EPC-SES-03: Route of the browser's leg");
  if (request.method === "INVITE" || request.method === "UPDATE") findings.push(...inspectContact(request));
  return findings;
}

const inviteMethods: ReadonlySet<string> = new Set(["INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"]);

function inspectContact(message: SipMessage): string[] {
  return message.list("Contact").some(isBrowserAddress) ? ["EPC-REG-17: Contact of the browser"] : [];
}

function isBrowserAddress(value: string): boolean {
  const { uri } = parseNameAddr(value);
  if (uri === "*") return false;
  const { host, params } = parseUri(uri);
  const transport = params.get("transport")?.toLowerCase();
  return host.toLowerCase().endsWith(".invalid") || transport === "ws" || transport === "wss";
}

function hasIcid(request: SipRequest): boolean {
  return /icid-value\s*=\s*"?[^";\s]/i.test(request.get("P-Charging-Vector") ?? "");
}

/** Whether an option tag stands in Require or Supported. */
export function hasOption(message: SipMessage, header: string, option: string): boolean {
  return message.list(header).some((tag) => tag.trim().toLowerCase() === option);
}

/** Attributes of browsers that plain RTP has no use for, with the rule that removes them. */
const browserAttributes: ReadonlyMap<string, string> = new Map([
  ["fingerprint", "SDP-02"],
  ["tls-id", "SDP-02"],
  ["setup", "SDP-02"],
  ["crypto", "SDP-10"],
  ["mid", "SDP-03"],
  ["msid", "SDP-03"],
  ["msid-semantic", "SDP-03"],
  ["ssrc", "SDP-03"],
  ["extmap", "SDP-03"],
  ["extmap-allow-mixed", "SDP-03"],
  ["rtcp-mux", "SDP-03"],
  ["rtcp-rsize", "SDP-03"],
  ["rid", "SDP-03"],
  ["bundle-only", "SDP-03"],
  ["ice-ufrag", "SDP-04"],
  ["ice-pwd", "SDP-04"],
  ["ice-lite", "SDP-04"],
  ["ice-options", "SDP-04"],
  ["candidate", "SDP-04"],
  ["end-of-candidates", "SDP-04"],
]);

function inspectSdp(message: SipMessage): string[] {
  if (!/^\s*application\/sdp/i.test(message.get("Content-Type") ?? "") || message.body === "") return [];
  try {
    const session = parseSdp(octets.toText(message.body));
    const findings = new Set<string>();
    if (bundleOf(session).length > 0) findings.add("SDP-03: a=group:BUNDLE toward the core");
    noteAttributes(session.attributes, findings);
    for (const media of session.media) {
      if (/TLS|SAVP/i.test(media.protocol)) findings.add(`SDP-02: ${media.protocol} toward the core`);
      if (media.port !== 0 && media.type === "audio") noteAttributes(media.attributes, findings);
      const address = (media.connection ?? session.connection)?.address;
      if (media.port === 9 && media.protocol.startsWith("RTP/")) findings.add("SDP-05: port 9 toward the core");
      if (address?.endsWith(".local") === true) findings.add("SDP-11: mDNS name toward the core");
    }
    return [...findings];
  } catch (error) {
    if (error instanceof SdpError) return [`SDP: ${error.message}`];
    throw error;
  }
}

function noteAttributes(attributes: readonly Attribute[], findings: Set<string>): void {
  for (const { name } of attributes) {
    const rule = browserAttributes.get(name);
    if (rule !== undefined) findings.add(`${rule}: a=${name} toward the core`);
  }
}

/** The Digest parameters of a REGISTER, or undefined without such a header. */
export function digestOf(request: SipRequest): ReadonlyMap<string, string | undefined> | undefined {
  const value = request.get("Authorization");
  if (value === undefined) return undefined;
  const credentials = parseCredentials(value);
  return credentials.scheme === "digest" ? credentials.params : undefined;
}
