import type { Server } from "node:https";
import type { Socket } from "node:net";

/** Milliseconds in which a client must have begun its handshake. */
const patience = 15_000;

/** Makes a server begin with a connection once its first octets are there. Who sends none is let go. */
export function beginWithOctets(server: Server): void {
  const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const silent = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    const begin = (): void => {
      for (const listener of listeners) listener.call(server, socket);
      // TLS waits for it to connect, as it has.
      for (const waiting of socket.listeners("connect")) socket.off("connect", waiting);
    };
    // A header that came before may have brought them along.
    if (socket.readableLength > 0) return begin();
    const leave = (): void => {
      clearTimeout(timer);
      silent.delete(socket);
      socket.off("readable", read).off("end", end).off("error", end).off("close", leave);
    };
    const read = (): void => {
      if (socket.readableLength === 0) return;
      leave();
      begin();
    };
    const end = (): void => void socket.destroy();
    const timer = setTimeout(end, patience);
    silent.add(socket);
    socket.on("readable", read).on("end", end).on("error", end).on("close", leave);
  });
  const closeAllConnections = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    for (const socket of silent) socket.destroy();
    closeAllConnections();
  };
}
