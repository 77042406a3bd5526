import type { Migration } from "kysely/migration";
import { administration } from "./administration.ts";
import { entryState } from "./entryState.ts";
import { keptKeys } from "./keptKeys.ts";
import { leaseIndexes } from "./leaseIndexes.ts";
import { listing } from "./listing.ts";
import { messages } from "./messages.ts";
import { node } from "./node.ts";
import { purge } from "./purge.ts";
import { registration } from "./registration.ts";
import { retention } from "./retention.ts";
import { softState } from "./softState.ts";
import { tokenBinding } from "./tokenBinding.ts";
import { usage } from "./usage.ts";
import { waf } from "./waf.ts";

/** Every migration by its name; names sort in the order of running, and a published one never changes. */
export const migrations: Record<string, Migration> = {
  "001-waf": waf,
  "002-purge": purge,
  "003-administration": administration,
  "004-entry-state": entryState,
  "005-lease-indexes": leaseIndexes,
  "006-retention": retention,
  "020-token-binding": tokenBinding,
  "030-usage": usage,
  "031-listing": listing,
  "050-registration": registration,
  "060-kept-keys": keptKeys,
  "061-node": node,
  "070-messages": messages,
  "080-soft-state": softState,
};
