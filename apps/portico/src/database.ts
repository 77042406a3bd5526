import { join } from "node:path";
import type { StoreTarget } from "@portico/store";
import type { PortalConfig } from "./config/schema.ts";

/** Where a configuration keeps its tables. */
export function databaseOf({ database, data }: Pick<PortalConfig, "database" | "data">): StoreTarget {
  if (database?.postgres !== undefined) return { postgres: database.postgres };
  return { sqlite: database?.sqlite ?? join(data, "portal.sqlite") };
}
