/** What can go wrong in the media plane, why, what to do about it, and the SIP status that answers it. */
const catalogue = {
  "agw/ports-exhausted": {
    message: "No RTP port is free",
    cause: "Every port pair of the configured range carries a call or is held by another program",
    remedy: "Widen corePorts, or spread the calls over more nodes",
    status: 503,
  },
  "agw/bind": {
    message: "A media address cannot be opened",
    cause: "The address is none of this machine's, or the port is taken",
    remedy: "Configure an address of one of this machine's interfaces and a free UDP port",
    status: 500,
  },
  "agw/address": {
    message: "The media address is no IP address this socket can reach",
    cause: "The peer's description holds a name, an unusable port or the other address family",
    remedy: "Send media addresses as IP addresses of the family that this gateway listens on",
    status: 488,
  },
  "agw/ice": {
    message: "The ICE credentials are unusable",
    cause: "ufrag or pwd of the peer break RFC 8839 §5.4",
    remedy: "Send ice-ufrag of 4 to 256 and ice-pwd of 22 to 256 characters",
    status: 488,
  },
  "agw/fingerprint": {
    message: "No fingerprint can be checked",
    cause: "The peer's description holds no certificate fingerprint of SHA-256, SHA-384 or SHA-512",
    remedy: "Send a=fingerprint with sha-256",
    status: 488,
  },
  "agw/codec": {
    message: "The codecs of the two sides are not the same",
    cause: "A pair to be relayed differs in more than its payload type, and is not PCMA with PCMU",
    remedy: "Pair codecs of one name and clock rate, or PCMA and PCMU",
    status: 488,
  },
  "agw/closed": {
    message: "The media context is closed",
    cause: "It was used after close()",
    remedy: "Open a new context",
    status: 500,
  },
} as const;

/** Stable name of an error of this package, for `switch (error.code)`. */
export type AgwErrorCode = keyof typeof catalogue;

/** An error of the media plane. `status` is the SIP status for the request that led to it. */
export class AgwError extends Error {
  override readonly name = "AgwError";
  readonly code: AgwErrorCode;
  readonly status: number;
  readonly remedy: string;

  /** @param detail what it happened to; no personal data */
  constructor(code: AgwErrorCode, detail?: string, cause?: unknown) {
    const entry = catalogue[code];
    super(detail === undefined ? entry.message : `${entry.message}: ${detail}`, { cause: cause ?? entry.cause });
    this.code = code;
    this.status = entry.status;
    this.remedy = entry.remedy;
  }
}
