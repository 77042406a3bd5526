import { DtlsClient } from "./dtls/client.ts";
import type { Dtls, DtlsOptions } from "./dtls/endpoint.ts";
import { DtlsServer } from "./dtls/server.ts";

export type { Dtls, DtlsOptions, DtlsResult } from "./dtls/endpoint.ts";

/** Opens one end of a DTLS 1.2 association; a client says hello at once. */
export function openDtls(role: "client" | "server", options: DtlsOptions): Dtls {
  if (role === "server") return new DtlsServer(options);
  const client = new DtlsClient(options);
  client.connect();
  return client;
}
