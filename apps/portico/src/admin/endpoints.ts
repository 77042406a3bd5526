import type { Endpoint } from "./endpoint.ts";
import { apiKeyEndpoints } from "./resources/apiKeys.ts";
import { auditEndpoints } from "./resources/audit.ts";
import { eventEndpoints } from "./resources/events.ts";
import { liveEndpoints } from "./resources/live.ts";
import { nodeEndpoints } from "./resources/node.ts";
import { usageEndpoints } from "./resources/usage.ts";

/** Every endpoint of the Admin API, in the order of the document. */
export const endpoints: readonly Endpoint[] = [
  ...nodeEndpoints,
  ...liveEndpoints,
  ...usageEndpoints,
  ...auditEndpoints,
  ...eventEndpoints,
  ...apiKeyEndpoints,
];

/** Groups of the document. */
export const tags = {
  node: "The node and the caller.",
  live: "Registrations and calls that live now.",
  usage: "Usage for settlement, and call records.",
  audit: "Who did what, in tamper-evident chains.",
  events: "What happens, as a stream.",
  "api-keys": "Credentials of the Admin API.",
} as const;
