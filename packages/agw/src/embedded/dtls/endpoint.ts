import type { SrtpProfileName } from "../../mediaPlane.ts";
import type { LocalCertificate } from "./certificate.ts";

/** What the gateway needs of DTLS: the keys of SRTP and the certificate that vouches for them (RFC 5764). */
export interface Dtls {
  /** Takes a datagram of the DTLS range from an ICE-validated address. */
  receive(datagram: Buffer): void;
  /** Sends close_notify if connected; no callback afterwards. Idempotent. */
  close(): void;
  /** Closes because the certificate is none that is expected: bad_certificate (RFC 8122 §6.2). */
  refuse(): void;
}

export interface DtlsOptions {
  readonly certificate: LocalCertificate;
  /** SRTP profiles in order of preference. */
  readonly profiles: readonly SrtpProfileName[];
  /** The whole handshake must be done within this time. */
  readonly timeoutMs: number;
  readonly send: (datagram: Buffer) => void;
  /**
   * The handshake is done: the peer has proved that it holds the key of `remoteCertificate`. Whether that is the right
   * certificate is for the caller to say. Called once.
   */
  readonly onConnected: (result: DtlsResult) => void;
  /** The handshake failed or timed out, or the association was ended by the peer. Called at most once, and last. */
  readonly onEnded: (cause: "handshake" | "closed", message: string) => void;
}

export interface DtlsResult {
  /** DER */
  readonly remoteCertificate: Buffer;
  readonly profile: SrtpProfileName;
  readonly local: SrtpMasterKey;
  readonly remote: SrtpMasterKey;
}

export interface SrtpMasterKey {
  readonly key: Buffer;
  /** 14 octets for AES-CM, 12 for GCM */
  readonly salt: Buffer;
}
