import { ConfigError, readConfig } from "./config.ts";
import { startAcme, type Acme } from "./server.ts";

const file = process.argv[2];
if (file === undefined) fail("usage: main.ts CONFIG.json");

const acme = await start(file);
console.log(`acme ready ${acme.url}`);
// Acme serves without its operator: colleagues can still call each other.
if (!(await acme.portalReachable())) console.error("acme: the portal does not answer yet; telephone calls wait for it");

let closing: number | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());

/** Closes once; a second signal a second later ends at once (a terminal and a launcher may both deliver one). */
async function stop(): Promise<void> {
  if (closing === undefined) {
    closing = performance.now();
    await acme.close();
    process.exit(0);
  } else if (performance.now() - closing > 1000) process.exit(130);
}

async function start(configFile: string): Promise<Acme> {
  try {
    const config = await readConfig(configFile);
    return await startAcme(config).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") fail(`port ${config.port} is in use; set another one in ${configFile}`);
      throw error;
    });
  } catch (error) {
    return fail(error instanceof ConfigError ? error.message : String(error));
  }
}

function fail(message: string): never {
  console.error(`acme: ${message}`);
  process.exit(1);
}
