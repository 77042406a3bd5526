import type { SocketAddress } from "@portico/transport";
import { decodeG711, encodeG711 } from "../audio/g711.ts";
import type { G711 } from "../audio/g711.ts";
import { ToneListener } from "../audio/goertzel.ts";
import type { ToneWindow } from "../audio/goertzel.ts";
import { ToneGenerator } from "../audio/tone.ts";
import type { TonePattern } from "../audio/tone.ts";
import { formatRtp, parseRtp } from "./packet.ts";
import type { RtpPacket } from "./packet.ts";
import { openSocketPair } from "./socketPair.ts";
import type { SocketPair } from "./socketPair.ts";
import { KeyReader, eventOf, formatTelephoneEvent } from "./telephoneEvent.ts";

/** What offer and answer agreed on. */
export interface MediaAgreement {
  readonly remote: SocketAddress;
  readonly law: G711;
  /** Payload type of {@link law} as the remote side wants to receive it. */
  readonly payloadType: number;
  /** Payload type of telephone-event, if agreed. */
  readonly eventType: number | undefined;
  readonly send: boolean;
  readonly receive: boolean;
}

/** Packets since the start of the call. */
export interface MediaCounters {
  readonly sent: number;
  readonly received: number;
  /** Sequence numbers that never arrived. */
  readonly lost: number;
  readonly rtcpReceived: number;
}

/** Whom the media tells. */
export interface MediaListener {
  window(window: ToneWindow): void;
  key(key: string): void;
}

const rate = 8000;
const packetMs = 20;
const packetSamples = (rate * packetMs) / 1000;
const packetsPerKey = 5;
const endRepeats = 3;
/** A process that was held up sends at most this many late packets at once. */
const mostLate = 10;

/** The audio of one telephone call: plain RTP with G.711 and telephone events, symmetric (RFC 4961). */
export class CallMedia {
  readonly address: string;
  readonly port: number;
  readonly #sockets: SocketPair;
  readonly #listener: MediaListener;
  readonly #tones = new ToneListener(rate);
  readonly #keys = new KeyReader();
  readonly #ssrc = Math.floor(Math.random() * 2 ** 32);
  readonly #outgoing: { key: number; packet: number; timestamp: number }[] = [];
  #agreement: MediaAgreement | undefined;
  #latched: SocketAddress | undefined;
  #generator: ToneGenerator | undefined;
  #echo = false;
  #sequence = Math.floor(Math.random() * 2 ** 16);
  #timestamp = Math.floor(Math.random() * 2 ** 31);
  #marker = true;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #sent = 0;
  #received = 0;
  #lost = 0;
  #rtcpReceived = 0;
  #expected: number | undefined;
  #closed = false;

  private constructor(address: string, sockets: SocketPair, listener: MediaListener) {
    this.address = address;
    this.port = sockets.port;
    this.#sockets = sockets;
    this.#listener = listener;
    sockets.rtp.on("message", (octets, from) => this.#packet(octets, from));
    sockets.rtcp.on("message", () => (this.#rtcpReceived += 1));
  }

  /** @throws LabError when no port of the range is free */
  static async open(address: string, range: readonly [number, number], listener: MediaListener): Promise<CallMedia> {
    return new CallMedia(address, await openSocketPair(address, range), listener);
  }

  get counters(): MediaCounters {
    return { sent: this.#sent, received: this.#received, lost: this.#lost, rtcpReceived: this.#rtcpReceived };
  }

  /** What was heard so far, in windows of 100 ms. */
  get heard(): readonly ToneWindow[] {
    return this.#tones.heard;
  }

  /** Takes an agreement, the first or a later one; a new remote address ends the latch on the old. */
  agree(agreement: MediaAgreement): void {
    const before = this.#agreement?.remote;
    if (before?.address !== agreement.remote.address || before.port !== agreement.remote.port)
      this.#latched = undefined;
    if (this.#agreement?.send !== true) this.#marker = true;
    this.#agreement = agreement;
    if (this.#timer === undefined && !this.#closed) {
      this.#due = performance.now();
      this.#tick();
    }
  }

  /** Plays a tone from now on, silence without one. */
  play(pattern: TonePattern | undefined): void {
    this.#echo = false;
    this.#generator = pattern && new ToneGenerator(pattern, rate);
  }

  /** Sends back what comes, in place of a tone. */
  echo(): void {
    this.#generator = undefined;
    this.#echo = true;
  }

  /** Sends DTMF keys as telephone events of 100 ms (RFC 4733); ignored where none were agreed. */
  press(keys: string): void {
    for (const key of keys) {
      const code = eventOf(key);
      if (code >= 0) this.#outgoing.push({ key: code, packet: 0, timestamp: 0 });
    }
  }

  /** Ends both directions. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#sockets.rtp.close();
    this.#sockets.rtcp.close();
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#due > mostLate * packetMs) this.#due = now;
    while (this.#due <= now) {
      this.#due += packetMs;
      this.#frame();
    }
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, this.#due - performance.now()));
  }

  #frame(): void {
    const agreement = this.#agreement;
    this.#timestamp += packetSamples;
    if (agreement === undefined || !agreement.send) return;
    if (this.#event(agreement)) return;
    if (this.#echo) return;
    const samples = this.#generator?.next(packetSamples) ?? new Int16Array(packetSamples);
    this.#send(agreement.payloadType, this.#timestamp, encodeG711(agreement.law, samples));
  }

  #event(agreement: MediaAgreement): boolean {
    const press = this.#outgoing[0];
    if (press === undefined || agreement.eventType === undefined) return false;
    if (press.packet === 0) {
      press.timestamp = this.#timestamp;
      this.#marker = true;
    }
    press.packet += 1;
    const end = press.packet >= packetsPerKey;
    const duration = Math.min(press.packet, packetsPerKey) * packetSamples;
    this.#send(agreement.eventType, press.timestamp, formatTelephoneEvent({ event: press.key, end, duration }));
    // RFC 4733 §2.5.1.4: the final packet is sent three times
    if (press.packet === packetsPerKey + endRepeats - 1) this.#outgoing.shift();
    return true;
  }

  #send(payloadType: number, timestamp: number, payload: Uint8Array): void {
    const remote = this.#latched ?? this.#agreement?.remote;
    if (remote === undefined || this.#closed || remote.port === 0) return;
    const sequence = this.#sequence;
    const octets = formatRtp({ marker: this.#marker, payloadType, sequence, timestamp, ssrc: this.#ssrc, payload });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#marker = false;
    this.#sent += 1;
    this.#sockets.rtp.send(octets, remote.port, remote.address, () => undefined);
  }

  #packet(octets: Uint8Array, from: SocketAddress): void {
    const packet = parseRtp(octets);
    if (packet === undefined) return;
    this.#received += 1;
    this.#count(packet.sequence);
    this.#latched = { address: from.address, port: from.port };
    const agreement = this.#agreement;
    if (agreement === undefined) return;
    if (packet.payloadType === agreement.eventType) this.#key(packet);
    else if (packet.payloadType === agreement.payloadType) this.#audio(agreement, packet);
  }

  #count(sequence: number): void {
    const gap = this.#expected === undefined ? 0 : (sequence - this.#expected) & 0xffff;
    // A gap of more than half the numbers is a packet that came late
    if (gap >= 0x8000) return;
    this.#lost += gap;
    this.#expected = (sequence + 1) & 0xffff;
  }

  #key(packet: RtpPacket): void {
    const key = this.#keys.read(packet.timestamp, packet.payload);
    if (key !== undefined) this.#listener.key(key);
  }

  #audio(agreement: MediaAgreement, packet: RtpPacket): void {
    for (const window of this.#tones.push(decodeG711(agreement.law, packet.payload))) this.#listener.window(window);
    if (this.#echo && agreement.send) this.#send(agreement.payloadType, this.#timestamp, packet.payload);
  }
}
