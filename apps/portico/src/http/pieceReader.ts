import { Socket, type SocketConstructorOpts } from "node:net";
import type { TLSSocket } from "node:tls";

/** Octets read at once. All connections share the buffer: TLS has taken what is in it before the next read. */
const shared = Buffer.allocUnsafeSlow(65_536);

/** One octet less than the smallest buffer that Node gives OpenSSL: one that is filled up is followed by another of 16 kB. */
const piece = 1023;

/** Where Node keeps what is below a socket, and the socket below one of TLS; not documented, so they may be missing. */
const [handleName, parentName] = ["_handle", "_parent"];

/** What takes octets as if they had come for TLS. */
interface Records {
  receive(octets: Buffer): void;
}

/**
 * Reads from now on what comes for TLS and hands it on in pieces. Where Node keeps its connections elsewhere, nothing
 * changes.
 */
export function readInPieces(tls: TLSSocket): void {
  const handle = inside(inside(tls, parentName), handleName);
  if (handle !== undefined && recordsOf(tls) !== undefined) new PieceReader(tls, handle).resume();
}

function inside(holder: object | undefined, name: string): object | undefined {
  const held: unknown = holder && Reflect.get(holder, name);
  return typeof held === "object" && held !== null ? held : undefined;
}

/** Nothing once the connection is being closed. */
function recordsOf(tls: TLSSocket): Records | undefined {
  const records: Partial<Records> | undefined = inside(tls, handleName);
  return records?.receive === undefined ? undefined : (records as Records);
}

/** Reads for another socket: whatever happens to the connection happens to that one, which alone closes it. */
class PieceReader extends Socket {
  readonly #tls: TLSSocket;

  /** @param handle the connection, as Node holds it. */
  constructor(tls: TLSSocket, handle: object) {
    const onread: SocketConstructorOpts["onread"] = {
      buffer: shared,
      callback: (length) => {
        for (let from = 0; from < length; from += piece) {
          // Asked anew: any piece may have the connection closed.
          recordsOf(tls)?.receive(shared.subarray(from, Math.min(from + piece, length)));
        }
        return true;
      },
    };
    super({ handle, allowHalfOpen: true, onread } as SocketConstructorOpts);
    this.#tls = tls;
    // As Node ends a stream: with a read, so that nobody has to wait for one.
    this.once("end", () => {
      tls.push(null);
      tls.read(0);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    Reflect.set(this, handleName, null);
    this.#tls.destroy(error ?? undefined);
    done();
  }
}
