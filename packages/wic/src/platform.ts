import type { Clock, Random } from "@portico/sip";

/** What the environment tells: the network came back or went, or the page is looked at again. */
export type Hint = "online" | "offline" | "visible";

/** The part of a WebSocket that the SDK uses. */
export interface Socket {
  readonly protocol: string;
  readonly readyState: number;
  binaryType: BinaryType;
  addEventListener(type: "open" | "message" | "close", listener: (event: Event) => void): void;
  send(frame: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/**
 * Everything the SDK needs from its environment; {@link browserPlatform} is the one of browsers. Tests hand in another,
 * so that no state machine depends on wall-clock time, chance or a network.
 */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  /** A fresh UUID (RFC 9562), lower case. */
  uuid(): string;
  openSocket(url: string, protocol: string): Socket;
  createPeerConnection(configuration: RTCConfiguration): RTCPeerConnection;
  createStream(track: MediaStreamTrack): MediaStream;
  /** The user's microphone; rejects as getUserMedia does. */
  microphone(): Promise<MediaStream>;
  /** Storage of this tab alone, which survives a reload (sessionStorage). */
  readonly tabStorage: { get(key: string): string | undefined; set(key: string, value: string): void };
  /**
   * Takes a lock that no other page of this origin can hold at the same time (Web Locks).
   * @param waitMs how long to wait for another holder, such as the same page before its reload
   * @returns a function that releases it, or undefined when another page holds it
   */
  lock(name: string, waitMs: number): Promise<(() => void) | undefined>;
  /** False only when the browser is sure to be off the network. */
  isOnline(): boolean;
  /** @returns a function that ends the subscription. */
  onHint(listener: (hint: Hint) => void): () => void;
  /** Receives what a listener of the page threw. */
  report(error: unknown): void;
}
