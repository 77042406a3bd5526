import { parseMessage, SipRequest } from "../message.ts";
import type { SipMessage } from "../message.ts";
import type { Clock, Hop } from "../ports.ts";

type Side = "left" | "right";

/** One message as it went onto the wire. */
interface WireRecord {
  readonly at: number;
  readonly from: Side;
  readonly message: SipMessage;
  readonly lost: boolean;
}

interface WireOptions {
  clock: Clock;
  /** "WSS" if left out; "UDP" makes an unreliable one. */
  protocol?: Hop["protocol"];
  /** One-way delay in milliseconds; 1 if left out. A function may reorder. */
  delay?: number | ((message: SipMessage) => number);
  /** True: this message never arrives. */
  lose?: (message: SipMessage, from: Side) => boolean;
}

/**
 * Two ends joined back to back, with a record of everything that went over. What is put in at one end arrives at the other as the
 * same octets, parsed anew.
 *
 * @example
 * const wire = new Wire({ clock });
 * wire.onRight = (message, hop) => bob.receive(message, hop);
 * alice.send(request, wire.left);
 * clock.advance(10);
 * console.log(wire.ladder());
 */
export class Wire {
  /** The left side sends here; what it sends comes out at {@link onRight}. */
  readonly left: Hop;
  readonly right: Hop;
  onLeft: (message: SipMessage, hop: Hop) => void = () => {};
  onRight: (message: SipMessage, hop: Hop) => void = () => {};
  lose: (message: SipMessage, from: Side) => boolean;
  readonly records: WireRecord[] = [];
  readonly #clock: Clock;
  readonly #delay: (message: SipMessage) => number;
  #cut = false;

  constructor(options: WireOptions) {
    const { delay = 1, protocol = "WSS" } = options;
    this.#clock = options.clock;
    this.#delay = typeof delay === "number" ? () => delay : delay;
    this.lose = options.lose ?? (() => false);
    const reliable = protocol !== "UDP";
    this.left = { protocol, reliable, sentBy: "left.invalid", send: (octets) => this.#send("left", octets) };
    this.right = { protocol, reliable, sentBy: "right.invalid", send: (octets) => this.#send("right", octets) };
  }

  /** From now on `send` returns false and nothing arrives. */
  cut(): void {
    this.#cut = true;
  }

  /** The messages in short, as `left: INVITE`, `right: 180`; those lost end in ` lost`. */
  get log(): string[] {
    return this.records.map(({ from, message, lost }) => `${from}: ${title(message)}${lost ? " lost" : ""}`);
  }

  /** A ladder of all messages with their times in milliseconds. */
  ladder(): string {
    return this.records
      .map(({ at, from, message, lost }) => {
        const text = ` ${title(message)} `;
        const line = text.padStart((34 + text.length) >> 1, "-").padEnd(34, "-");
        const arrow = lost ? "x" : from === "left" ? ">" : "<";
        return `${String(at).padStart(8)}  |${from === "left" ? `${line}${arrow}` : `${arrow}${line}`}|`;
      })
      .join("\n");
  }

  #send(from: Side, octets: string): boolean {
    if (this.#cut) return false;
    const message = parseMessage(octets);
    const lost = this.lose(message, from);
    this.records.push({ at: this.#clock.now(), from, message, lost });
    if (lost) return true;
    this.#clock.setTimer(this.#delay(message), () => {
      if (this.#cut) return;
      if (from === "left") this.onRight(parseMessage(octets), this.right);
      else this.onLeft(parseMessage(octets), this.left);
    });
    return true;
  }
}

function title(message: SipMessage): string {
  return message instanceof SipRequest ? message.method : `${message.status} ${message.cseq.method}`;
}
