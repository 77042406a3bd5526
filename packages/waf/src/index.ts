export type { BlockTable, BlockUse } from "./block/blocks.ts";
export { type BlockDocument, blockSchema, type EntryDocument, entrySchema } from "./block/definition.ts";
export { blockEntries, type BlockEntry } from "./block/entries.ts";
export type { ProvisioningFormat } from "./block/provisioning.ts";
export type { ClientCredentials } from "./client/authentication.ts";
export type { ClientCertificate } from "./client/certificate.ts";
export { WafError, type WafErrorCode } from "./errors.ts";
export { connectionCertificate, wafRoutes, type WafRates, type WafRoutesOptions } from "./http/routes.ts";
export { TokenBuckets } from "./http/tokenBuckets.ts";
export { signatureAlgorithms } from "./keys/algorithms.ts";
export type { Fetch } from "./keys/guardedFetch.ts";
export { keyFile, type KeyStorage, type KeptText, readOrMake } from "./keys/keyStorage.ts";
export { recipientKey, type TokenRecipient } from "./keys/recipientKey.ts";
export { type SecretBox, secretBox } from "./keys/secretBox.ts";
export { sealedKeys } from "./keys/sealedKeys.ts";
export type { SigningKeyView } from "./keys/signingKeys.ts";
export type { RegistrationFact, Revocation } from "./leasing.ts";
export type { People, PersonalData } from "./people.ts";
export type { Now, Random, SetTimer } from "./ports.ts";
export type { Problem } from "./problems.ts";
export { checkTenant } from "./tenant/check.ts";
export type { Standing, TenantRecord } from "./tenant/directory.ts";
export type { By, Tenants } from "./tenant/tenants.ts";
export { type ClientDocument, type TenantDocument, tenantSchema } from "./tenant/document.ts";
export type { Introspection } from "./token/introspection.ts";
export { type Restrictions, type RestrictionsClaim, restrictionsSchema } from "./token/restrictions.ts";
export type { ExchangeRequest, RefreshRequest, SessionRequest, TokenResponse } from "./token/tokens.ts";
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
