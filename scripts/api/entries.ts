import type { Entry } from "./publicApi.ts";

/** The packages that others may use. */
export const sip: Entry = { name: "@portico/sip", path: "packages/sip/src/index.ts" };
export const sipTesting: Entry = { name: "@portico/sip/testing", path: "packages/sip/src/testing/index.ts" };
export const sdp: Entry = { name: "@portico/sdp", path: "packages/sdp/src/index.ts" };
export const wic: Entry = { name: "@portico/wic", path: "packages/wic/src/index.ts" };
