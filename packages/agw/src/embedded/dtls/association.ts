import { timingSafeEqual } from "node:crypto";
import type { SrtpProfileName } from "../../mediaPlane.ts";
import type { Dtls, DtlsOptions } from "./endpoint.ts";
import { srtpKeys, trafficKeys, verifyData } from "./keySchedule.ts";
import { messageTypes } from "./messages.ts";
import { Reassembly, frameMessage, type HandshakeMessage } from "./reassembly.ts";
import { RecordProtection, contentTypes, readRecords, writeRecord, type DtlsRecord } from "./record.ts";
import { DtlsError, alerts } from "./wire.ts";

/** RFC 6347 §4.2.4.1 suggests 1 s; behind ICE the path is known to answer, so less is kind to the caller. */
const firstRetransmitMs = 200;
const lastRetransmitMs = 3200;

/** Below this distance a repeated flight of the peer is not answered by another of ours. */
const repeatMs = 50;

const maxDatagram = 1200;
const maxEarlyRecords = 4;

interface FlightRecord {
  readonly type: number;
  readonly epoch: number;
  readonly payload: Buffer;
}

/**
 * What client and server of DTLS 1.2 have in common: records, flights with retransmission (RFC 6347 §4.2.4), alerts and
 * keys. Subclasses are the two orders of messages. One cipher suite family (ECDHE, AES-128-GCM), extended master secret always, no
 * resumption, no renegotiation (RFC 8827 §6.5).
 *
 *     handshaking --Finished of the peer checked--> done --close_notify--> ended
 *          \------------- alert, error, time-out ----------------------------/
 */
export abstract class Association implements Dtls {
  protected readonly options: DtlsOptions;
  /** Every handshake message so far, of both sides, in order. */
  protected transcript: Buffer[] = [];
  protected remoteCertificate: Buffer = Buffer.alloc(0);
  protected clientRandom: Buffer = Buffer.alloc(0);
  protected serverRandom: Buffer = Buffer.alloc(0);
  protected profile: SrtpProfileName | undefined;
  protected master: Buffer = Buffer.alloc(0);
  readonly #isClient: boolean;
  readonly #reassembly: Reassembly = new Reassembly();
  #state: "handshaking" | "done" | "ended" = "handshaking";
  #flight: FlightRecord[] = [];
  #flightSentAt = 0;
  #messageSequence = 0;
  #writeEpoch: 0 | 1 = 0;
  readonly #recordSequences: [number, number] = [0, 0];
  #read: RecordProtection | undefined;
  #write: RecordProtection | undefined;
  #early: DtlsRecord[] = [];
  #retransmit: NodeJS.Timeout | undefined;
  readonly #deadline: NodeJS.Timeout;

  protected constructor(options: DtlsOptions, isClient: boolean) {
    this.options = options;
    this.#isClient = isClient;
    this.#deadline = setTimeout(() => this.#end("handshake", "The handshake took too long"), options.timeoutMs);
  }

  /** The next message of the peer, whole and in order. @throws DtlsError */
  protected abstract handle(message: HandshakeMessage): void;

  receive(datagram: Buffer): void {
    try {
      for (const record of readRecords(datagram)) {
        if (this.#state !== "ended") this.#take(record);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    if (this.#state === "done") this.#alert(1, alerts.closeNotify);
    this.#stop();
  }

  refuse(): void {
    if (this.#state === "done") this.#alert(2, alerts.badCertificate);
    this.#stop();
  }

  protected beginFlight(): void {
    clearTimeout(this.#retransmit);
    this.#flight = [];
  }

  protected queue(type: number, body: Buffer): void {
    const octets = frameMessage(type, this.#messageSequence++, body);
    this.transcript.push(octets);
    this.#flight.push({ type: contentTypes.handshake, epoch: this.#writeEpoch, payload: octets });
  }

  /** Our Finished, which is the first message under the new keys. */
  protected queueFinished(): void {
    this.#flight.push({ type: contentTypes.changeCipherSpec, epoch: 0, payload: Buffer.from([1]) });
    this.#writeEpoch = 1;
    this.queue(messageTypes.finished, verifyData(this.master, this.#isClient ? "client" : "server", this.transcript));
  }

  /** @param answered whether the peer's next flight stops the retransmission; the last flight goes out again on demand */
  protected sendFlight(answered: boolean): void {
    this.#transmit();
    if (answered) this.#retransmitIn(firstRetransmitMs);
  }

  /** Installs the record keys of the master secret; records that came too early are read now. */
  protected installKeys(): void {
    const { client, server } = trafficKeys(this.master, this.clientRandom, this.serverRandom);
    const [own, peer] = this.#isClient ? [client, server] : [server, client];
    this.#write = new RecordProtection(own.key, own.salt);
    this.#read = new RecordProtection(peer.key, peer.salt);
  }

  /** RFC 5246 §7.4.9 @throws DtlsError when the peer's view of the handshake is not ours */
  protected checkFinished({ body, epoch, octets }: HandshakeMessage): void {
    const expected = verifyData(this.master, this.#isClient ? "server" : "client", this.transcript);
    if (epoch !== 1 || body.length !== expected.length || !timingSafeEqual(body, expected)) {
      throw new DtlsError("The peer's Finished does not match", alerts.decryptError);
    }
    this.transcript.push(octets);
  }

  protected finish(): void {
    const { profile } = this;
    if (!profile) throw new DtlsError("No SRTP profile was agreed", alerts.handshakeFailure);
    this.#state = "done";
    clearTimeout(this.#deadline);
    clearTimeout(this.#retransmit);
    const saltLength = profile === "SRTP_AEAD_AES_128_GCM" ? 12 : 14;
    const { client, server } = srtpKeys(this.master, this.clientRandom, this.serverRandom, saltLength);
    const [local, remote] = this.#isClient ? [client, server] : [server, client];
    this.transcript = [];
    this.options.onConnected({ remoteCertificate: this.remoteCertificate, profile, local, remote });
  }

  #take(record: DtlsRecord): void {
    const { type, epoch } = record;
    // After the handshake nothing counts that is not authentic.
    if (epoch > 1 || (epoch === 0 && this.#state === "done")) return;
    if (type !== contentTypes.handshake && type !== contentTypes.alert) return;
    if (epoch === 1 && !this.#read) {
      // Datagrams change places: keep the peer's Finished until its key exchange is here.
      if (this.#early.length < maxEarlyRecords) this.#early.push(record);
      return;
    }
    const plain = epoch === 1 ? this.#read?.open(record) : record.payload;
    if (!plain) return;
    if (type === contentTypes.alert) this.#takeAlert(plain);
    else this.#takeHandshake(plain, epoch);
    if (this.#read && this.#early.length > 0) {
      for (const early of this.#early.splice(0)) this.#take(early);
    }
  }

  #takeAlert(plain: Buffer): void {
    const [level, description] = plain;
    if (level !== 2 && description !== alerts.closeNotify) return;
    this.#end(this.#state === "done" ? "closed" : "handshake", `The peer sent alert ${description}`);
  }

  #takeHandshake(plain: Buffer, epoch: number): void {
    if (this.#state === "done") {
      // RFC 6347 §4.2.4: the peer repeats its last flight, so ours was lost. Only the server's flight is the last of all.
      if (plain[0] === messageTypes.finished && !this.#isClient) this.#repeat();
      return;
    }
    const repeated = this.#reassembly.add(plain, epoch);
    for (let message = this.#reassembly.take(); message; message = this.#reassembly.take()) {
      if ((message.type === messageTypes.finished ? 1 : 0) !== message.epoch) {
        throw new DtlsError("A message came in the wrong epoch", alerts.unexpectedMessage);
      }
      this.handle(message);
    }
    if (repeated) this.#repeat();
  }

  #repeat(): void {
    if (performance.now() - this.#flightSentAt >= repeatMs) this.#transmit();
  }

  #retransmitIn(ms: number): void {
    clearTimeout(this.#retransmit);
    this.#retransmit = setTimeout(() => {
      this.#transmit();
      this.#retransmitIn(Math.min(ms * 2, lastRetransmitMs));
    }, ms);
  }

  #transmit(): void {
    this.#flightSentAt = performance.now();
    let datagram: Buffer[] = [];
    let size = 0;
    for (const { type, epoch, payload } of this.#flight) {
      const record = this.#record(type, epoch === 1 ? 1 : 0, payload);
      if (size + record.length > maxDatagram) {
        this.options.send(Buffer.concat(datagram));
        [datagram, size] = [[], 0];
      }
      datagram.push(record);
      size += record.length;
    }
    if (datagram.length > 0) this.options.send(Buffer.concat(datagram));
  }

  #record(type: number, epoch: 0 | 1, payload: Buffer): Buffer {
    return writeRecord(type, epoch, this.#recordSequences[epoch]++, payload, epoch === 1 ? this.#write : undefined);
  }

  #alert(level: 1 | 2, description: number): void {
    this.options.send(this.#record(contentTypes.alert, this.#writeEpoch, Buffer.from([level, description])));
  }

  #fail(error: unknown): void {
    const known = error instanceof DtlsError;
    if (this.#state === "handshaking") this.#alert(2, known ? error.alert : alerts.handshakeFailure);
    this.#end("handshake", known ? error.message : "The handshake failed");
  }

  #end(cause: "handshake" | "closed", message: string): void {
    if (this.#state === "ended") return;
    this.#stop();
    this.options.onEnded(cause, message);
  }

  #stop(): void {
    this.#state = "ended";
    clearTimeout(this.#deadline);
    clearTimeout(this.#retransmit);
    this.#flight = [];
    this.#early = [];
  }
}
