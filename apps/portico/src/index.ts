export { ConfigError } from "./config/complaint.ts";
export { parseConfig, readConfig } from "./config/config.ts";
export type { PortalConfig } from "./config/schema.ts";
export { startPortal, type Portal } from "./portal.ts";
export { tuneEngine } from "./engine.ts";
export { openLog } from "./log.ts";
export { createHttpsServer } from "./http/httpsServer.ts";
