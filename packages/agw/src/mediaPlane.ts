import type { Candidate, Codec } from "@portico/sdp";

/**
 * The Iq reference point as an interface (3GPP TS 23.334 §6): what the eP-CSCF asks of the eIMS-AGW. Addresses, ICE, DTLS
 * and codecs cross it as models, never as SDP text.
 */
export interface MediaPlane {
  /** Reserves both terminations of a call. @throws AgwError `agw/ports-exhausted` when no RTP port is free */
  open(): Promise<MediaContext>;
  /** Contexts alive. */
  readonly size: number;
  /** Closes every context and frees the sockets. Idempotent. */
  close(): Promise<void>;
}

/** One call's media: an access termination (W3: ICE, DTLS-SRTP) and a core termination (Mb: RTP). H.248 calls it a context. */
export interface MediaContext {
  readonly id: string;
  /** For the SDP toward the browser. ufrag and pwd change when `setAccessRemote` starts an ICE restart: read them after it. */
  readonly access: AccessTermination;
  /** For the SDP toward the core. */
  readonly core: CoreTermination;
  /**
   * Takes the browser's ICE and DTLS parameters. Called again: the same values change nothing; a new ufrag is an ICE restart
   * (RFC 8445 §9), media flow on over the old pair until the browser nominates one anew; other fingerprints or another
   * role end the DTLS association and await a new one (RFC 8842 §5.1).
   * @throws AgwError `agw/ice`, `agw/fingerprint`, `agw/closed`
   */
  setAccessRemote(remote: AccessRemote): void;
  /**
   * Takes the core peer's RTP address; a changed one forgets what was latched.
   * @throws AgwError `agw/address`, `agw/closed`
   */
  setCoreRemote(remote: CoreRemote): void;
  /**
   * The gate (3GPP TS 23.334 §5.2): nothing flows before the first call, nor before ICE has a nominated pair and the
   * browser's certificate is verified; afterwards only what `toCore` and `toAccess` allow.
   * @throws AgwError `agw/codec`, `agw/closed`
   */
  relay(plan: RelayPlan): void;
  stats(): MediaStats;
  /** @returns a function that takes the listener off */
  on(listener: (event: MediaEvent) => void): () => void;
  /** Ends the DTLS association, frees ports and table entries. Idempotent. */
  close(): void;
}

export interface AccessTermination {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprint: { readonly algorithm: "sha-256"; readonly value: string };
  /** Host candidates of component 1 over UDP, loopback last (RFC 8445 §5.2: lite). */
  readonly candidates: Candidate[];
  /** The first candidate's. */
  readonly address: string;
  readonly port: number;
}

export interface CoreTermination {
  readonly address: string;
  /** RTP; even */
  readonly port: number;
  /** port + 1 */
  readonly rtcpPort: number;
}

export interface AccessRemote {
  readonly ufrag: string;
  readonly pwd: string;
  /** One that is known and matches is enough (RFC 8122 §5). */
  readonly fingerprints: readonly { readonly algorithm: string; readonly value: string }[];
  /** The browser's resulting role. active: this side is the DTLS server; passive: the client. */
  readonly setup: "active" | "passive";
}

export interface CoreRemote {
  /** IP address */
  readonly address: string;
  /** 1 to 65535 */
  readonly port: number;
  /** Absent: port + 1 (RFC 3550 §11). */
  readonly rtcpPort?: number;
  /** Follow, once, the first source that sends a negotiated payload type, wherever it is. */
  readonly latch?: boolean;
}

export interface RelayPlan {
  /** Pairs of one codec, whose payload types may differ, or of PCMA and PCMU, which are converted. */
  readonly audio: readonly CodecPair[];
  /** telephone-event; clock rates may differ (RFC 4733 §2.5.2.3). */
  readonly events?: CodecPair;
  readonly toCore: boolean;
  readonly toAccess: boolean;
}

export interface CodecPair {
  readonly access: Codec;
  readonly core: Codec;
}

export type MediaEvent =
  /** ICE has a nominated pair, DTLS is done and the certificate is the one of the SDP. Once per DTLS association. */
  | { readonly type: "connected" }
  /** Media of this context are torn down. */
  | { readonly type: "failed"; readonly reason: "fingerprint" | "dtls" | "ice" }
  /**
   * The browser has sent no valid STUN, SRTP or SRTCP for so long; again only after it was heard once more. A page that
   * closes its connection is reported so, too: it may come back under new parameters.
   */
  | { readonly type: "inactive"; readonly seconds: number };

export interface MediaStats {
  readonly access: TerminationStats;
  readonly core: TerminationStats;
  /** Packets thrown away, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly srtpProfile?: SrtpProfileName;
  /** Whether ICE, DTLS and the fingerprint allow media at this moment. */
  readonly connected: boolean;
}

export interface TerminationStats {
  readonly packetsReceived: number;
  /** RTP payload octets */
  readonly octetsReceived: number;
  /** Of what this side's peer sent (RFC 3550 A.3); 0 when duplicates outweigh losses. */
  readonly packetsLost: number;
  /** Interarrival jitter in seconds (RFC 3550 §6.4.1) */
  readonly jitter: number;
  readonly packetsSent: number;
  readonly octetsSent: number;
  /** Seconds, from the peer's last RTCP report; absent before one. */
  readonly roundTrip?: number;
  /** Estimated mean opinion score of what is received, 1 to 4.5 (ITU-T G.107); absent before the first packet. */
  readonly mos?: number;
  /** Share of our packets lost on the way to the peer, 0 to 1, from its last report. */
  readonly fractionLostRemote?: number;
}

export type DropReason =
  /** The gate does not let this direction through. */
  | "gate"
  /** Not from the peer of the SDP, or from no ICE-validated address. */
  | "source"
  /** SRTP or SRTCP authentication failed. */
  | "authentication"
  /** Seen before, or too old to tell. */
  | "replay"
  /** A payload type that was not negotiated. */
  | "payload"
  /** No packet of RTP or RTCP, or too long. */
  | "malformed"
  /** More packets or octets a second than a call has. */
  | "rate";

export type SrtpProfileName = "SRTP_AES128_CM_HMAC_SHA1_80" | "SRTP_AEAD_AES_128_GCM";
