import { readFileSync } from "node:fs";
import type { TlsCredentials } from "@portico/transport";
import type { PortalConfig } from "../config/schema.ts";
import { readTls } from "../http/tlsFiles.ts";

type MwTls = NonNullable<PortalConfig["mw"]["tls"]>;

/** The certificate files of Mw, read. @throws ConfigError */
export function mwCredentials({ cert, key, ca }: MwTls): TlsCredentials {
  const { cert: own, key: ownKey } = readTls({ cert, key });
  return ca === undefined ? { cert: own, key: ownKey } : { cert: own, key: ownKey, ca: readFileSync(ca) };
}
