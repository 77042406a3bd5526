import {
  answerCodecs,
  bundleOf,
  codecsOf,
  dataChannelOf,
  directionOf,
  dtlsOf,
  formatSdp,
  iceOf,
  parseSdp,
  SdpError,
} from "../src/index.ts";

const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";
const audio = `${head}m=audio 4000 RTP/AVP `;
const channel = `${head}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n`;
const credentials = "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n";

/** A description of about so many octets: a beginning, and what to repeat. */
function repeated(begin: string, again: string): (size: number) => string {
  return (size) => `${begin}${again.repeat((size - begin.length - 40) / again.length)}\r\n`;
}

/** What is hard on a parser that searches ahead, backtracks or compares each with each. */
export const hostileText: Readonly<Record<string, (size: number) => string>> = {
  "attributes without a colon": repeated(`${audio}8\r\n`, "a=x\r\n"),
  "lines ended by LF before one CR": repeated(head, "a=x:y\n"),
  "empty lines": repeated(head, "\n"),
  "one long line": repeated(`${head}a=x:`, ":"),
  formats: repeated(`${audio}8`, " 96"),
  "rtpmaps of one payload type": repeated(`${audio}96\r\n`, "a=rtpmap:96 ///////\r\n"),
  parameters: repeated(`${audio}96\r\na=rtpmap:96 AMR/8000\r\na=fmtp:96 `, "a=;"),
  "words of a candidate": repeated(`${audio}8\r\n${credentials}a=candidate:1 1 udp 1 a 1 typ host`, " a"),
  candidates: repeated(`${audio}8\r\n${credentials}`, "a=candidate:1 1 udp 1 a 1 typ host\r\n"),
  "a fingerprint": repeated(`${audio}8\r\na=setup:active\r\na=fingerprint:sha-256 `, "AB:"),
  "options of a channel": repeated(`${channel}a=dcmap:1 `, 'a=";";'),
  "quotes of a channel": repeated(`${channel}a=dcmap:1 label=`, '"'),
  channels: repeated(channel, "a=dcmap:1 label=x\r\na=dcsa:1 a:b\r\n"),
  "a BUNDLE group": repeated(`${head}a=group:BUNDLE`, " 0"),
};

/** Reads it with all views, answers and writes it, or has it refused. */
export function useHostile(text: string): void {
  try {
    const session = parseSdp(text);
    bundleOf(session);
    for (const media of session.media) {
      answerCodecs(codecsOf(media), [{ payloadType: 96, name: "AMR", clockRate: 8000, fmtp: "octet-align=1" }]);
      for (const view of [iceOf, dtlsOf, directionOf]) view(session, media);
      dataChannelOf(media);
    }
    formatSdp(session);
  } catch (error) {
    if (!(error instanceof SdpError)) throw error;
  }
}
