import type { Socket } from "node:dgram";
import { RtpHeader, type SrtpSession } from "werift";
import type { BrowserEnd } from "./browserEnd.ts";

/** Both ends of a call through a relay, and where the relay takes their packets. */
export interface Call {
  readonly browser: BrowserEnd;
  readonly core: Socket;
  readonly srtp: SrtpSession;
  readonly accessPort: number;
  readonly corePort: number;
}

const packetMs = 20;
const samples = 160;
const burstMs = 5;

/** Calls of G.711 in both directions: 50 packets a second each way, the calls spread evenly over the 20 ms. */
export class CallLoad {
  readonly #calls: readonly Call[];
  #sequence = 1000;
  #arrived = 0;

  constructor(calls: readonly Call[]) {
    this.#calls = calls;
    for (const { browser, core } of calls) {
      browser.onPacket = (packet) => this.#count(packet);
      core.on("message", (packet) => this.#count(packet));
    }
  }

  /** Lets all calls talk for so long. */
  async talk(ms: number): Promise<{ sent: number; arrived: number }> {
    const packets = Math.round(ms / packetMs);
    const sequence = this.#sequence;
    this.#sequence += packets;
    // Encrypted before the clock runs: this process shares the machine with the one under test.
    const secured = this.#calls.map(({ srtp }, call) =>
      Array.from({ length: packets }, (_, at) => srtp.encrypt(payload, header(sequence + at, call))),
    );
    this.#arrived = 0;
    const slots = packets * this.#calls.length;
    const slotMs = packetMs / this.#calls.length;
    let due = performance.now();
    for (let slot = 0; slot < slots;) {
      // When this process was kept waiting the calls get later: a burst would not be what telephones send.
      due = Math.max(due, performance.now() - burstMs);
      for (; slot < slots && due <= performance.now(); slot += 1, due += slotMs) {
        const call = slot % this.#calls.length;
        const at = Math.floor(slot / this.#calls.length);
        this.#send(call, secured[call]?.[at], sequence + at);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { sent: 2 * slots, arrived: this.#arrived };
  }

  /** The next packet of a call each way. */
  #send(call: number, secured: Buffer | undefined, sequence: number): void {
    const { browser, core, accessPort, corePort } = this.#calls[call] ?? {};
    if (browser === undefined || core === undefined || secured === undefined) return;
    browser.send(secured, accessPort ?? 0);
    const plain = Buffer.concat([header(sequence, call).serialize(12), payload]);
    core.send(plain, corePort ?? 0, "127.0.0.1");
  }

  #count(packet: Buffer): void {
    // RFC 5761 §4: 192 to 223 there is RTCP.
    const type = packet[1] ?? 0;
    if (packet.length >= 12 + samples && (type < 192 || type > 223)) this.#arrived += 1;
  }
}

const payload = Buffer.alloc(samples, 0xd5);

const header = (sequenceNumber: number, call: number): RtpHeader =>
  new RtpHeader({
    version: 2,
    payloadType: 0,
    sequenceNumber,
    timestamp: sequenceNumber * samples,
    ssrc: 0x1000 + call,
  });
