import { Socket, type SocketConstructorOpts } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** Octets read at once. All sockets share the buffer: what is in it is used before the next read, or copied. */
const shared = Buffer.allocUnsafeSlow(65_536);

/** Where a socket of Node holds its connection; not documented, so it may be missing. */
const handleName = "_handle";

/**
 * Takes a socket over from the HTTP server that shook hands on it. What comes is told in a buffer that is good for the
 * moment of the call alone, with the length of what counts of it: a view of a buffer costs as much as the frame that is read through it.
 *
 * A stream gives each read a buffer of its own, which costs as much as reading. `onread` (documented for sockets that connect)
 * spares that, but is to be had only where a socket begins: so the connection goes on in a new socket, where Node lets it, and
 * the old one, with all that HTTP has hung on it, is let go. TLS stays as it is.
 */
export function adopt(socket: Duplex, received: (octets: Buffer, length: number) => void): Duplex {
  const plain = socket instanceof Socket && !(socket instanceof TLSSocket);
  const handle: unknown = plain ? Reflect.get(socket, handleName) : undefined;
  if (typeof handle !== "object" || handle === null) {
    socket.on("data", (octets: Buffer) => received(octets, octets.length));
    return socket;
  }
  const early: unknown = socket.read();
  Reflect.set(socket, handleName, null);
  // Without a handle it closes nothing but itself: the HTTP server no longer counts it.
  socket.destroy();
  const onread: SocketConstructorOpts["onread"] = {
    buffer: shared,
    callback: (length) => {
      received(shared, length);
      return true;
    },
  };
  const taken = new Socket({ handle, allowHalfOpen: true, onread } as SocketConstructorOpts);
  // After the owner has been made, before anything that comes later.
  if (early instanceof Buffer) process.nextTick(received, early, early.length);
  return taken;
}
