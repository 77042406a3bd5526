import { registerHooks } from "node:module";

// Starts the portal of a configuration file, and prints how many modules of the telemetry were loaded for it.
const [file = ""] = process.argv.slice(2);
let loaded = 0;
registerHooks({
  load(url, context, next) {
    if (url.includes("/src/telemetry/")) loaded += 1;
    return next(url, context);
  },
});
const { readConfig, startPortal } = await import("../../src/index.ts");
const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };
const portal = await startPortal(readConfig(file), quiet);
await portal.close();
const before = loaded;
await import("../../src/telemetry/telemetry.ts");
console.log(`${before} before, ${loaded} once asked for`);
