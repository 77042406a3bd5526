import { registerHooks } from "node:module";

// Starts the portal of a configuration file, and prints which modules of its telemetry were loaded for it.
const [file = ""] = process.argv.slice(2);
const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    if (url.includes("/telemetry/")) loaded.push(url.replace(/.*\//, ""));
    return next(url, context);
  },
});
const { readConfig, startPortal } = await import("../../src/index.ts");
const portal = await startPortal(readConfig(file), {
  info: () => undefined,
  warn: () => undefined,
  alarm: () => undefined,
});
await portal.close();
console.log(JSON.stringify(loaded));
