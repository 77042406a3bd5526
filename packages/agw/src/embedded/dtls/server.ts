import { randomBytes } from "node:crypto";
import type { DtlsOptions } from "./endpoint.ts";
import { Association } from "./association.ts";
import { chooseGroup, createKeyShare, type KeyShare } from "./keyExchange.ts";
import { extendedMasterSecret } from "./keySchedule.ts";
import {
  chooseProfile,
  cipherSuites,
  keyExchangeParameters,
  messageTypes,
  readCertificate,
  readClientHello,
  readSignature,
  writeCertificate,
  writeCertificateRequest,
  writeServerHello,
  writeSignature,
} from "./messages.ts";
import type { HandshakeMessage } from "./reassembly.ts";
import { checkSignature, schemes, signEcdsa } from "./signatures.ts";
import { DtlsError, Reader, alerts } from "./wire.ts";

/**
 * The server's side of a DTLS 1.2 handshake. It sends no HelloVerifyRequest: ICE has proved that the peer receives at its
 * address, which is what the cookie is for (RFC 6347 §4.2.1).
 *
 *     ClientHello -> Certificate -> ClientKeyExchange -> CertificateVerify -> Finished -> done
 */
export class DtlsServer extends Association {
  #expected: number = messageTypes.clientHello;
  #share: KeyShare | undefined;

  constructor(options: DtlsOptions) {
    super(options, false);
  }

  protected override handle(message: HandshakeMessage): void {
    if (message.type !== this.#expected) throw new DtlsError("A message is out of turn", alerts.unexpectedMessage);
    switch (message.type) {
      case messageTypes.clientHello:
        return this.#hello(message);
      case messageTypes.certificate:
        this.remoteCertificate = readCertificate(message.body);
        this.transcript.push(message.octets);
        this.#expected = messageTypes.clientKeyExchange;
        return undefined;
      case messageTypes.clientKeyExchange:
        return this.#keyExchange(message);
      case messageTypes.certificateVerify: {
        const { scheme, signature } = readSignature(message.body);
        checkSignature(this.remoteCertificate, scheme, Buffer.concat(this.transcript), signature);
        this.transcript.push(message.octets);
        this.#expected = messageTypes.finished;
        return undefined;
      }
      default:
        this.checkFinished(message);
        this.beginFlight();
        this.queueFinished();
        this.sendFlight(false);
        return this.finish();
    }
  }

  #hello({ body, octets }: HandshakeMessage): void {
    const hello = readClientHello(body);
    if (!hello.dtls12) throw new DtlsError("The peer does not speak DTLS 1.2", alerts.protocolVersion);
    const group = chooseGroup(hello.groups);
    this.profile = chooseProfile(this.options.profiles, hello.srtpProfiles);
    if (
      group === undefined ||
      this.profile === undefined ||
      !hello.extendedMasterSecret ||
      !hello.cipherSuites.includes(cipherSuites.ecdheEcdsaAes128Gcm) ||
      !hello.signatureSchemes.includes(schemes.ecdsaSha256)
    ) {
      throw new DtlsError("Nothing both ends support", alerts.handshakeFailure);
    }
    const { certificate } = this.options;
    this.clientRandom = Buffer.from(hello.random);
    this.serverRandom = randomBytes(32);
    this.#share = createKeyShare(group);
    const parameters = keyExchangeParameters(group, this.#share.publicKey);
    const signature = signEcdsa(certificate.key, Buffer.concat([this.clientRandom, this.serverRandom, parameters]));
    this.transcript.push(octets);
    this.beginFlight();
    this.queue(messageTypes.serverHello, writeServerHello(this.serverRandom, this.profile, hello));
    this.queue(messageTypes.certificate, writeCertificate(certificate.der));
    this.queue(
      messageTypes.serverKeyExchange,
      Buffer.concat([parameters, writeSignature(schemes.ecdsaSha256, signature)]),
    );
    this.queue(messageTypes.certificateRequest, writeCertificateRequest());
    this.queue(messageTypes.serverHelloDone, Buffer.alloc(0));
    this.sendFlight(true);
    this.#expected = messageTypes.certificate;
  }

  #keyExchange({ body, octets }: HandshakeMessage): void {
    if (!this.#share) throw new DtlsError("A message is out of turn", alerts.unexpectedMessage);
    const preMaster = this.#share.agree(new Reader(body).vector(1));
    this.#share = undefined;
    this.transcript.push(octets);
    this.master = extendedMasterSecret(preMaster, this.transcript);
    this.installKeys();
    this.#expected = messageTypes.certificateVerify;
  }
}
