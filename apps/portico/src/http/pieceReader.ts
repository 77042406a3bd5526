import { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** Octets read at once. All connections share the buffer: TLS has taken what is in it before the next read. */
const shared = Buffer.allocUnsafeSlow(65_536);

/** One octet less than the smallest buffer that Node gives OpenSSL: one that is filled up is followed by another of 16 kB. */
const piece = 1023;

/** Where Node keeps what is below a socket, and the socket below one of TLS; not documented, so they may be missing. */
const [handleName, parentName] = ["_handle", "_parent"];

/**
 * Where a socket made with `onread` has its buffer and who is told of what is in it. Node takes them when a socket is made
 * only; here it exists when it becomes clear that it is for TLS.
 */
const [bufferKey, callbackKey] = keysOf({ buffer: shared, callback: () => true });

function keysOf(onread: { buffer: Buffer; callback: () => boolean }): (PropertyKey | undefined)[] {
  const model = new Socket({ onread });
  return [onread.buffer, onread.callback].map((value) =>
    Reflect.ownKeys(model).find((key) => Reflect.get(model, key) === value),
  );
}

/** A connection that can be told to read into a buffer. */
interface Handle {
  useUserBuffer(buffer: Buffer): void;
}

/** What takes octets as if they had come for TLS. */
interface Records {
  receive(octets: Buffer): void;
}

/**
 * Has the socket below TLS read from now on, and hand on what comes in pieces. Where Node keeps its connections elsewhere,
 * nothing changes.
 */
export function readInPieces(tls: TLSSocket): void {
  const raw: unknown = Reflect.get(tls, parentName);
  if (!(raw instanceof Socket) || bufferKey === undefined || callbackKey === undefined) return;
  const handle: Partial<Handle> | undefined = inside(raw, handleName);
  if (handle?.useUserBuffer === undefined || recordsOf(tls) === undefined) return;
  Reflect.set(raw, bufferKey, shared);
  Reflect.set(raw, callbackKey, (length: number): boolean => {
    for (let from = 0; from < length; from += piece) {
      // Asked anew: any piece may have the connection closed.
      recordsOf(tls)?.receive(shared.subarray(from, Math.min(from + piece, length)));
    }
    return true;
  });
  // As Node ends a stream: with a read, so that nobody has to wait for one.
  raw.on("end", () => {
    tls.push(null);
    tls.read(0);
  });
  // TLS waits for a connection that it has, for as long as that lives.
  for (const waiting of raw.listeners("connect")) raw.off("connect", waiting);
  handle.useUserBuffer(shared);
  raw.resume();
}

function inside(holder: object, name: string): object | undefined {
  const held: unknown = Reflect.get(holder, name);
  return typeof held === "object" && held !== null ? held : undefined;
}

/** Nothing once the connection is being closed. */
function recordsOf(tls: TLSSocket): Records | undefined {
  const records: Partial<Records> | undefined = inside(tls, handleName);
  return records?.receive === undefined ? undefined : (records as Records);
}
