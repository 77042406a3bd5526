import { randomBytes } from "node:crypto";
import type { DtlsOptions } from "./endpoint.ts";
import { Association } from "./association.ts";
import { createKeyShare, type KeyShare } from "./keyExchange.ts";
import { extendedMasterSecret } from "./keySchedule.ts";
import {
  cipherSuites,
  messageTypes,
  readCertificate,
  readHelloVerifyRequest,
  readServerHello,
  readServerKeyExchange,
  writeCertificate,
  writeClientHello,
  writeSignature,
} from "./messages.ts";
import type { HandshakeMessage } from "./reassembly.ts";
import { dtls12 } from "./record.ts";
import { checkSignature, schemes, signEcdsa } from "./signatures.ts";
import { DtlsError, alerts, vector } from "./wire.ts";

/**
 * The client's side of a DTLS 1.2 handshake.
 *
 *     (HelloVerifyRequest) -> ServerHello -> Certificate -> ServerKeyExchange -> (CertificateRequest) -> ServerHelloDone
 *         -> Finished -> done
 */
export class DtlsClient extends Association {
  #expected: readonly number[] = [messageTypes.helloVerifyRequest, messageTypes.serverHello];
  #share: KeyShare | undefined;
  #peerKey: Buffer = Buffer.alloc(0);
  #wantsCertificate = false;

  constructor(options: DtlsOptions) {
    super(options, true);
    this.clientRandom = randomBytes(32);
  }

  connect(): void {
    this.#hello(Buffer.alloc(0));
  }

  protected override handle(message: HandshakeMessage): void {
    const { type, body, octets } = message;
    if (!this.#expected.includes(type)) throw new DtlsError("A message is out of turn", alerts.unexpectedMessage);
    switch (type) {
      case messageTypes.helloVerifyRequest:
        // RFC 6347 §4.2.1: neither the first hello nor this message counts in the transcript.
        this.transcript = [];
        this.#hello(readHelloVerifyRequest(body));
        this.#expected = [messageTypes.serverHello];
        return;
      case messageTypes.serverHello:
        this.#serverHello(body);
        this.#expected = [messageTypes.certificate];
        break;
      case messageTypes.certificate:
        this.remoteCertificate = readCertificate(body);
        this.#expected = [messageTypes.serverKeyExchange];
        break;
      case messageTypes.serverKeyExchange:
        this.#keyExchange(body);
        this.#expected = [messageTypes.certificateRequest, messageTypes.serverHelloDone];
        break;
      case messageTypes.certificateRequest:
        this.#wantsCertificate = true;
        this.#expected = [messageTypes.serverHelloDone];
        break;
      case messageTypes.serverHelloDone:
        this.transcript.push(octets);
        this.#answer();
        this.#expected = [messageTypes.finished];
        return;
      default:
        this.checkFinished(message);
        this.finish();
        return;
    }
    this.transcript.push(octets);
  }

  #hello(cookie: Buffer): void {
    this.beginFlight();
    this.queue(messageTypes.clientHello, writeClientHello(this.clientRandom, cookie, this.options.profiles));
    this.sendFlight(true);
  }

  #serverHello(body: Buffer): void {
    const hello = readServerHello(body);
    if (hello.version !== dtls12) throw new DtlsError("The peer does not speak DTLS 1.2", alerts.protocolVersion);
    const suites: readonly number[] = Object.values(cipherSuites);
    const { srtpProfile } = hello;
    if (
      !suites.includes(hello.cipherSuite) ||
      !hello.extendedMasterSecret ||
      srtpProfile === undefined ||
      !this.options.profiles.includes(srtpProfile)
    ) {
      throw new DtlsError("The peer chose what was not offered", alerts.illegalParameter);
    }
    this.serverRandom = Buffer.from(hello.random);
    this.profile = srtpProfile;
  }

  #keyExchange(body: Buffer): void {
    const { group, publicKey, parameters, scheme, signature } = readServerKeyExchange(body);
    const signed = Buffer.concat([this.clientRandom, this.serverRandom, parameters]);
    checkSignature(this.remoteCertificate, scheme, signed, signature);
    this.#share = createKeyShare(group);
    this.#peerKey = Buffer.from(publicKey);
  }

  #answer(): void {
    if (!this.#share) throw new DtlsError("A message is out of turn", alerts.unexpectedMessage);
    const { certificate } = this.options;
    this.beginFlight();
    if (this.#wantsCertificate) this.queue(messageTypes.certificate, writeCertificate(certificate.der));
    this.queue(messageTypes.clientKeyExchange, vector(this.#share.publicKey, 1));
    this.master = extendedMasterSecret(this.#share.agree(this.#peerKey), this.transcript);
    this.installKeys();
    if (this.#wantsCertificate) {
      const signature = signEcdsa(certificate.key, Buffer.concat(this.transcript));
      this.queue(messageTypes.certificateVerify, writeSignature(schemes.ecdsaSha256, signature));
    }
    this.queueFinished();
    this.sendFlight(true);
  }
}
