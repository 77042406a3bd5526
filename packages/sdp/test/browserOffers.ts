/** Offers as browsers write them. */
const lines = (text: string): string => text.trim().replaceAll("\n", "\r\n") + "\r\n";

export const chromiumOffer: string = lines(`
v=0
o=- 4611733054762223410 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS 6b1c7f0e-8a51-4d39-9a0e-2f4c8b1d7e60
m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 198.51.100.23
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:3988563412 1 udp 2113937151 3f1d7c1e-0d0b-4a5e-9f0e-5a1f6f2d7c11.local 54400 typ host generation 0 network-cost 999
a=candidate:842163049 1 udp 1677729535 198.51.100.23 54400 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999
a=candidate:2718281828 1 tcp 1518280447 2001:db8::17 9 typ host tcptype active generation 0 network-id 1
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlGz
a=ice-options:trickle
a=fingerprint:sha-256 6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:6b1c7f0e-8a51-4d39-9a0e-2f4c8b1d7e60 1c2b7f60-0b0f-4d0c-8f9e-7d6c5b4a3921
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
a=ssrc:3735928559 msid:6b1c7f0e-8a51-4d39-9a0e-2f4c8b1d7e60 1c2b7f60-0b0f-4d0c-8f9e-7d6c5b4a3921
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlGz
a=ice-options:trickle
a=fingerprint:sha-256 6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:1
a=extmap:13 urn:3gpp:video-orientation
a=sendonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=ssrc-group:FID 1122334455 2233445566
a=ssrc:1122334455 cname:o/i14u9pJrxRKAsu
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlGz
a=ice-options:trickle
a=fingerprint:sha-256 6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
`);

/** Firefox writes the fingerprint at session level and transports in capitals. */
export const firefoxOffer: string = lines(`
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 7218903344561027715 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 d4:2c:91:0a:de:55:c0:7b:e2:19:44:8d:aa:6c:03:f7:5e:b1:20:9c:38:71:ef:44:d2:0b:66:93:1d:c8:5a:70
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 41822 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 198.51.100.40
a=candidate:0 1 UDP 2122252543 9a7d2c4e-11b0-4f9a-8c34-6f5c1a2b3d4e.local 41822 typ host
a=candidate:2 1 TCP 2105524479 9a7d2c4e-11b0-4f9a-8c34-6f5c1a2b3d4e.local 9 typ host tcptype active
a=candidate:1 1 UDP 1686052863 198.51.100.40 41822 typ srflx raddr 0.0.0.0 rport 0
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:5b0c63d27c0a4c3a9b8f1f9b6f7e2d10
a=ice-ufrag:c9e1a2f7
a=mid:0
a=msid:{0d2c5c63-21b6-4f5e-9a1f-9c8a1b2c3d4e} {7f1b0a9c-3e2d-4c5b-8a69-788796a5b4c3}
a=rtcp:41823 IN IP4 198.51.100.40
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2901177650 cname:{b8d0c7a6-5e4f-4d3c-8b2a-190817263544}
`);

/** An offer of a mobile core: session level address, AMR, preconditions, no WebRTC at all. */
export const coreOffer: string = lines(`
v=0
o=ue 55 1 IN IP6 2001:db8:40::7:20
s=-
i=voice
c=IN IP6 2001:db8:40::7:20
b=AS:80
t=0 0
r=604800 3600 0 90000
a=recvonly
m=audio 49152/2 RTP/AVP 96 97 8 98 18 34
i=speech
b=AS:41
b=RS:0
b=RR:4000
k=prompt
a=rtpmap:96 AMR-WB/16000/1
a=fmtp:96 mode-change-capability=2;max-red=0
a=rtpmap:97 AMR-WB/16000
a=fmtp:97 octet-align=1
a=rtpmap:98 telephone-event/16000
a=fmtp:98 0-15
a=curr:qos local none
a=des:qos mandatory local sendrecv
a=ptime:20
a=maxptime:240
a=rtcp:50000
`);
