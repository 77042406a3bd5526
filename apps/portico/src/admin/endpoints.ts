import type { Endpoint } from "./endpoint.ts";
import { apiKeyEndpoints } from "./resources/apiKeys.ts";
import { assignmentEndpoints } from "./resources/assignments.ts";
import { auditEndpoints } from "./resources/audit.ts";
import { clientEndpoints } from "./resources/clients.ts";
import { entryEndpoints } from "./resources/entries.ts";
import { eventEndpoints } from "./resources/events.ts";
import { liveEndpoints } from "./resources/live.ts";
import { nodeEndpoints } from "./resources/node.ts";
import { personEndpoints } from "./resources/persons.ts";
import { signingKeyEndpoints } from "./resources/signingKeys.ts";
import { tenantEndpoints } from "./resources/tenants.ts";
import { tokenEndpoints } from "./resources/tokens.ts";
import { traceEndpoints } from "./resources/traces.ts";
import { usageEndpoints } from "./resources/usage.ts";

/** Every endpoint of the Admin API, in the order of the document. */
export const endpoints: readonly Endpoint[] = [
  ...nodeEndpoints,
  ...tenantEndpoints,
  ...clientEndpoints,
  ...entryEndpoints,
  ...assignmentEndpoints,
  ...tokenEndpoints,
  ...liveEndpoints,
  ...traceEndpoints,
  ...usageEndpoints,
  ...personEndpoints,
  ...auditEndpoints,
  ...eventEndpoints,
  ...signingKeyEndpoints,
  ...apiKeyEndpoints,
];

/** Groups of the document. */
export const tags = {
  node: "The node and the caller.",
  tenants: "Third parties with a contract.",
  clients: "Their web servers (WWSF) and the keys of these.",
  blocks: "Their identities.",
  assignments: "Who holds which identity, and the web sessions that use it.",
  tokens: "Access tokens, by what is known of them.",
  live: "Registrations and calls that live now.",
  traces: "SIP messages of single users, for a time.",
  usage: "Usage for settlement, and call records.",
  persons: "What is kept of a user: told her, and forgotten.",
  audit: "Who did what, in tamper-evident chains.",
  events: "What happens, as a stream.",
  "signing-keys": "Keys that sign access tokens, the same on all nodes.",
  "api-keys": "Credentials of the Admin API.",
} as const;
