import type { AccessRemote, SrtpProfileName } from "../mediaPlane.ts";
import { openDtls, type Dtls, type DtlsResult } from "./dtls.ts";
import { matchesFingerprint, type LocalCertificate } from "./dtls/certificate.ts";
import { SrtpReceiver, SrtpSender } from "./srtp.ts";

export interface SecuredAccessOptions {
  readonly certificate: LocalCertificate;
  readonly profiles: readonly SrtpProfileName[];
  readonly handshakeMs: number;
  readonly send: (datagram: Buffer) => void;
  /** The handshake is done and the certificate is the one of the SDP. */
  readonly onVerified: () => void;
  readonly onFailed: (reason: "fingerprint" | "dtls") => void;
  /** The peer has ended the association it was in. */
  readonly onClosed: () => void;
}

/** SRTP with a verified peer. */
export interface Srtp {
  readonly profile: SrtpProfileName;
  readonly receiver: SrtpReceiver;
  readonly sender: SrtpSender;
}

/**
 * The DTLS association with the browser and the SRTP keys out of it. DTLS may finish before the SDP that names the
 * fingerprint is here; until both are, `srtp` stays undefined and nothing is decrypted (RFC 8842 §5.1).
 */
export class SecuredAccess {
  readonly #options: SecuredAccessOptions;
  #role: "client" | "server" | undefined;
  #dtls: Dtls | undefined;
  #result: DtlsResult | undefined;
  #fingerprints: AccessRemote["fingerprints"] | undefined;
  #srtp: Srtp | undefined;

  constructor(options: SecuredAccessOptions) {
    this.#options = options;
  }

  /** Undefined before `start`. */
  get role(): "client" | "server" | undefined {
    return this.#role;
  }

  /** Present once the peer is verified, until the association ends. */
  get srtp(): Srtp | undefined {
    return this.#srtp;
  }

  /** Begins a handshake, or as server awaits the hello. */
  start(role: "client" | "server"): void {
    const { certificate, profiles, handshakeMs, send, onFailed, onClosed } = this.#options;
    this.#role = role;
    this.#dtls = openDtls(role, {
      certificate,
      profiles,
      timeoutMs: handshakeMs,
      send,
      onConnected: (result) => {
        this.#result = result;
        this.#verify();
      },
      onEnded: (cause) => {
        this.#srtp = undefined;
        if (cause === "handshake") onFailed("dtls");
        else onClosed();
      },
    });
  }

  receive(datagram: Buffer): void {
    this.#dtls?.receive(datagram);
  }

  /** What the SDP says; checked at once if the handshake is done. */
  expect(fingerprints: AccessRemote["fingerprints"]): void {
    this.#fingerprints = fingerprints;
    this.#verify();
  }

  /** Idempotent; the object is of no use afterwards. */
  close(): void {
    this.#dtls?.close();
    this.#srtp = undefined;
    this.#result = undefined;
  }

  #verify(): void {
    if (!this.#result || !this.#fingerprints) return;
    const { remoteCertificate, profile, local, remote } = this.#result;
    this.#result = undefined;
    if (!matchesFingerprint(remoteCertificate, this.#fingerprints)) {
      this.#dtls?.refuse();
      this.#options.onFailed("fingerprint");
      return;
    }
    this.#srtp = {
      profile,
      receiver: new SrtpReceiver(profile, remote),
      sender: new SrtpSender(profile, local),
    };
    this.#options.onVerified();
  }
}
