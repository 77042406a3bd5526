const lines = (text: string): string => `${text.trim().replaceAll("\n", "\r\n")}\r\n`;

const fingerprint = "6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08";

/** An audio offer as Chromium writes it. */
export function chromiumOffer(
  options: { setup?: string; direction?: string; ufrag?: string; codecs?: string; version?: number; mid?: string } = {},
): string {
  const { setup = "actpass", direction = "sendrecv", ufrag = "4ZcD", version = 2, mid = "0" } = options;
  const { codecs = "111 63 9 0 8 13 110 126" } = options;
  return lines(`
v=0
o=- 4611733054762223410 ${version} IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE ${mid}
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 54400 UDP/TLS/RTP/SAVPF ${codecs}
c=IN IP4 198.51.100.23
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2122260223 3f1d7c1e-0d0b-4a5e-9f0e-5a1f6f2d7c11.local 54400 typ host generation 0
a=candidate:2 1 udp 1686052607 198.51.100.23 54400 typ srflx raddr 0.0.0.0 rport 0 generation 0
a=candidate:3 1 tcp 1518280447 198.51.100.23 9 typ host tcptype active
a=ice-ufrag:${ufrag}
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlGz
a=ice-options:trickle
a=fingerprint:sha-256 ${fingerprint}
a=setup:${setup}
a=mid:${mid}
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=${direction}
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3735928559 cname:o/i14u9pJrxRKAsu
a=ssrc:3735928559 msid:stream track
`);
}

/** Further m-lines of a browser that offers video and a data channel too. */
export const moreLines: string = lines(`
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=bundle-only
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rid:h send
a=simulcast:send h
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=sctp-port:5000
`);

/** What Chromium answers to an offer of the portal. */
export function chromiumAnswer(options: { setup?: string; direction?: string; codecs?: string } = {}): string {
  const { setup = "active", direction = "sendrecv", codecs = "8 0 126" } = options;
  return chromiumOffer({ setup, direction, codecs }).replace("a=group:BUNDLE 0\r\n", "");
}

/** Plain RTP as a media gateway describes it. */
export function plainSdp(
  options: {
    codecs?: string;
    direction?: string;
    port?: number;
    address?: string;
    version?: number;
    more?: string;
  } = {},
): string {
  const {
    codecs = "8 99",
    direction = "sendrecv",
    port = 41_002,
    address = "10.40.7.9",
    version = 1,
    more = "",
  } = options;
  return (
    lines(`
v=0
o=mgw 8765 ${version} IN IP4 ${address}
s=-
c=IN IP4 ${address}
t=0 0
m=audio ${port} RTP/AVP ${codecs}
b=AS:80
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:97 AMR/8000
a=rtpmap:99 telephone-event/8000
a=fmtp:99 0-15
a=ptime:20
a=${direction}
`) + more
  );
}
