import { octets } from "@portico/sip";
import type { Clock } from "@portico/sip";
import type { Socket } from "../src/index.ts";

/** A WebSocket in memory: what the page sends comes out at `onFrame` after 1 ms of the virtual clock, and back. */
export class FakeSocket extends EventTarget implements Socket {
  readonly url: string;
  readonly asked: string;
  binaryType: BinaryType = "blob";
  protocol = "";
  readyState = 0;
  closedByPage: number | undefined;
  /** True: nothing arrives any more in either direction, and no close event tells so. */
  silent = false;
  onFrame: (frame: string) => void = () => undefined;
  /** Kind of each frame sent by the page. */
  readonly kinds: string[] = [];
  readonly #clock: Clock;

  constructor(url: string, protocol: string, clock: Clock) {
    super();
    this.url = url;
    this.asked = protocol;
    this.#clock = clock;
  }

  send(frame: string | Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 1) throw new DOMException("not open", "InvalidStateError");
    this.kinds.push(typeof frame === "string" ? "text" : "binary");
    const text = typeof frame === "string" ? octets.fromText(frame) : octets.fromBytes(frame);
    // What was sent before a close still arrives.
    this.#clock.setTimer(1, () => {
      if (!this.silent) this.onFrame(text);
    });
  }

  close(code?: number): void {
    this.closedByPage ??= code;
    this.readyState = 3;
  }

  /** The server accepts the handshake. */
  accept(protocol: string): void {
    this.#later(() => {
      if (this.readyState !== 0) return;
      this.protocol = protocol;
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    });
  }

  /** The server sends one message. */
  deliver(message: string): boolean {
    if (this.readyState !== 1) return false;
    const data = octets.isUtf8(message) ? octets.toText(message) : new Uint8Array(octets.toBytes(message)).buffer;
    this.#later(() => this.dispatchEvent(new MessageEvent("message", { data })));
    return true;
  }

  /** The server or the network closes. */
  drop(code: number, reason = ""): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }

  #later(run: () => void): void {
    this.#clock.setTimer(1, () => {
      if (!this.silent && this.readyState !== 3) run();
    });
  }
}
