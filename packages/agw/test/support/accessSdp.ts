import { codecAttributes, codecsOf, dtlsOf, formatCandidate, iceOf, midOf, parseSdp, type Codec } from "@portico/sdp";
import type { AccessRemote, AccessTermination } from "../../src/index.ts";

/** What the plane needs to know of a browser's description. */
export function readBrowser(text: string): AccessRemote & { codecs: Codec[]; mid: string } {
  const session = parseSdp(text);
  const [media] = session.media;
  const ice = media && iceOf(session, media);
  const dtls = media && dtlsOf(session, media);
  if (!media || !ice || !dtls) throw new Error("The browser's description lacks audio, ICE or DTLS");
  return {
    ufrag: ice.ufrag,
    pwd: ice.pwd,
    fingerprints: dtls.fingerprints,
    setup: dtls.setup === "passive" ? "passive" : "active",
    codecs: codecsOf(media),
    mid: midOf(media) ?? "0",
  };
}

/** A description for the browser, written by hand. */
export function describeAccess(
  access: AccessTermination,
  codecs: readonly Codec[],
  setup: "active" | "passive" | "actpass",
  mid: string,
): string {
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=ice-lite",
    `a=group:BUNDLE ${mid}`,
    `m=audio ${access.port} UDP/TLS/RTP/SAVPF ${codecs.map(({ payloadType }) => payloadType).join(" ")}`,
    `c=IN IP4 ${access.address}`,
    "a=rtcp-mux",
    `a=mid:${mid}`,
    `a=ice-ufrag:${access.ufrag}`,
    `a=ice-pwd:${access.pwd}`,
    ...access.candidates.map((candidate) => `a=candidate:${formatCandidate(candidate)}`),
    "a=end-of-candidates",
    `a=fingerprint:${access.fingerprint.algorithm} ${access.fingerprint.value}`,
    `a=setup:${setup}`,
    ...codecAttributes(codecs).map(({ name, value }) => `a=${name}:${value}`),
    "a=ptime:20",
    "a=sendrecv",
  ];
  return `${lines.join("\r\n")}\r\n`;
}
