export { type BlockConfig, blockEntries, type BlockEntry } from "./block.ts";
export type { ClientCredentials } from "./clientAuthentication.ts";
export { WafError, type WafErrorCode } from "./errors.ts";
export type { RegistrationFact, Revocation } from "./leasing.ts";
export type { Now, Random } from "./ports.ts";
export { wafRoutes, type WafRates } from "./routes.ts";
export type { TenantConfig } from "./tenant.ts";
export type { ExchangeRequest, RefreshRequest, TokenResponse } from "./tokens.ts";
export type { IceServer, TurnConfig } from "./turn.ts";
export {
  type Alarm,
  type BlockUsage,
  type Client,
  openWaf,
  type OwnedEntry,
  type Waf,
  type WafOptions,
} from "./waf.ts";
