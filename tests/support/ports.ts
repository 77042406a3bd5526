import { createServer } from "node:net";

/** Below the ports that the system gives to whoever listens on any or connects: what is free there stays so until it is used. */
const [first, count] = [20_000, 12_000];
let turn = Math.floor(Math.random() * count);

/** A TCP port of loopback that is free now, never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    turn = (turn + 1) % count;
    const port = first + turn;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
