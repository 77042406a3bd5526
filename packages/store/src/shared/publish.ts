import type { Redis } from "iovalkey";
import { scripts } from "./valkeyScripts.ts";

/** Published texts kept for those who lost their connection; one may be some 100 kB. */
const kept = 1000;

/** Appends to the stream. @param text empty: nothing to hear @returns the id of the entry */
export async function publish(client: Redis, stream: string, text: string, nonce: string): Promise<string> {
  return String(await client.eval(scripts.publish, 2, stream, `${stream}:sequence`, text, nonce, kept));
}
