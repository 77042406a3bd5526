/**
 * Time as the package sees it; injected, so that timers can be driven by a virtual clock.
 *
 * @example
 * const platform: Clock = {
 *   now: () => performance.now(),
 *   setTimer: (ms, run) => {
 *     const timer = setTimeout(run, ms);
 *     return () => clearTimeout(timer);
 *   },
 * };
 */
export interface Clock {
  /** Milliseconds on a monotonic scale; only differences mean something. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds; the returned function cancels and may be called at any time. */
  setTimer(ms: number, run: () => void): () => void;
}

/** Chance as the package sees it; must be unguessable in production (tags, branches and Call-IDs come from it). */
export interface Random {
  /** A string of `length` characters out of `[a-z0-9]`. */
  token(length: number): string;
}

/**
 * One way to a neighbour: a connection, or a remote address of a datagram socket.
 *
 * @example
 * const socket = new WebSocket("wss://edge.example.com/w2", "sip");
 * const way: Hop = {
 *   protocol: "WSS",
 *   reliable: true,
 *   sentBy: "df7jal23ls0d.invalid",
 *   send: (message) => {
 *     if (socket.readyState !== WebSocket.OPEN) return false;
 *     socket.send(octets.toText(message));
 *     return true;
 *   },
 * };
 */
export interface Hop {
  readonly protocol: "UDP" | "TCP" | "TLS" | "WS" | "WSS";
  /** False only where messages may be lost, so that they must be sent again (RFC 3261 §17). */
  readonly reliable: boolean;
  /** The sent-by of our own side for a Via header field, for example `192.0.2.1:5060`. */
  readonly sentBy: string;
  /** Sends one whole message; false when the way is gone. */
  send(octets: string): boolean;
}
