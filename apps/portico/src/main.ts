import { ConfigError, readConfig } from "./config.ts";
import { openLog } from "./log.ts";
import { startPortal } from "./portal.ts";

/** Runs the portal: `main.ts CONFIG.yaml`. */
const [file] = process.argv.slice(2);
if (file === undefined) fail("name a configuration file: portico CONFIG.yaml");

const portal = await startPortal(configuration(file), openLog("info")).catch((error: unknown) =>
  fail(inOneLine(error)),
);
console.log(`portal ready ${portal.url}`);

let closing = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void close());

async function close(): Promise<void> {
  // A terminal and the launcher both send the signal.
  if (closing) return;
  closing = true;
  // A core that does not answer must not keep the process: what is left there ends with its granted time.
  setTimeout(() => process.exit(1), 5000).unref();
  await portal.close();
  process.exit(0);
}

function configuration(path: string): ReturnType<typeof readConfig> {
  try {
    return readConfig(path);
  } catch (error) {
    return fail(inOneLine(error));
  }
}

function inOneLine(error: unknown): string {
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (error instanceof ConfigError) return message;
  if (code === "EADDRINUSE") return `${address}:${port} is in use; end the other program or choose another port`;
  if (code === "EACCES") return `no permission to listen on ${address}:${port}; choose a port above 1023`;
  if (code === "EADDRNOTAVAIL") return `${address} is no address of this machine; correct the configuration`;
  return message;
}

function fail(message: string): never {
  console.error(`portico: ${message}`);
  process.exit(1);
}
