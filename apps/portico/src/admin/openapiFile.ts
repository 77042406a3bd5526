import { fileURLToPath } from "node:url";
import { openApiDocument } from "./openapi.ts";

/** Where the document is kept for those who read it without a portal. */
export const openApiFile: string = fileURLToPath(new URL("../../../../docs/openapi.json", import.meta.url));

/** The document as its file has it. */
export const openApiText = (): string => `${JSON.stringify(openApiDocument(), null, 2)}\n`;
