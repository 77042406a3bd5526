export { checkConfig, ConfigError, readConfig, type AcmeConfig, type AcmeUser, type SpeedDial } from "./config.ts";
export { AcmeError, type AcmeErrorCode, type Problem } from "./errors.ts";
export { hashPassword } from "./idp/passwords.ts";
export { startAcme, type Acme } from "./server.ts";
