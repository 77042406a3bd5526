export { SeenAssertions } from "./assertions.ts";
export { type Assignment, Assignments, type UserKey } from "./assignments.ts";
export { Blocks, type FreeAt, type StoredEntry } from "./blocks.ts";
export { StoreError, type StoreErrorCode } from "./errors.ts";
export { type IssuedToken, IssuedTokens, type TokenTrace } from "./issuedTokens.ts";
export { type Lease, Leases } from "./leases.ts";
export { type RefreshToken, RefreshTokens } from "./refreshTokens.ts";
export { openStore, type Store, type Tables } from "./store.ts";
export { Suspensions } from "./suspensions.ts";
