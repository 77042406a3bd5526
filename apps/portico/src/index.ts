export { ConfigError, parseConfig, readConfig, type PortalConfig } from "./config.ts";
export { startPortal, type Portal } from "./portal.ts";
export { openLog } from "./log.ts";
