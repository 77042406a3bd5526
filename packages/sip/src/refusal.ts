import { load } from "./bytes.ts";
import { SipError } from "./errors.ts";
import { Head } from "./head.ts";
import { indexLines } from "./lineIndex.ts";
import { reasonPhrase } from "./reasonPhrases.ts";
import { SipResponse } from "./response.ts";
import { firstElement, maxOctets } from "./scan.ts";
import { parseVia } from "./via.ts";

/**
 * The answer to a request that `parseMessage` refused with this error, from what can still be read of it.
 *
 * `undefined` where no answer may or can be given: to a response, an ACK, octets without a readable head and a top Via to
 * answer along. Its `topVia` can be read; other header fields stand in it as they came, so that the sender can match them.
 * `toTag` goes to To when there is none (RFC 3261 §8.2.6.2).
 *
 * @example
 * try {
 *   ua.receive(parseMessage(octets.fromBytes(datagram)), hop);
 * } catch (error) {
 *   const refusal = error instanceof SipError && createRefusal(octets.fromBytes(datagram), error);
 *   if (refusal) hop.send(refusal.toOctets());
 * }
 */
export function createRefusal(source: string, error: SipError, toTag?: string): SipResponse | undefined {
  let start = 0;
  while (source.startsWith("\r\n", start)) start += 2;
  const line = source.slice(start, start + 4).toUpperCase();
  if (line.startsWith("SIP/") || line.startsWith("ACK ")) return undefined;
  try {
    // Of a message that is too long the head may still be read.
    const read = source.slice(0, maxOctets);
    const ascii = load(read);
    const head = new Head(read, indexLines(read, read.indexOf("\r\n", start) + 2), start, ascii);
    const top = head.find("Via") < 0 ? "" : head.valueAt(head.find("Via"));
    parseVia(firstElement(top));
    const response = SipResponse.create(error.status, reasonPhrase(error.status), []);
    for (let at = head.find("Via"); at >= 0; at = head.find("Via", at + 1)) response.addOctets("Via", head.valueAt(at));
    for (const name of ["From", "To", "Call-ID", "CSeq"]) {
      const at = head.find(name);
      if (at >= 0) response.addOctets(name, head.valueAt(at));
    }
    if (toTag !== undefined && !/;\s*tag\s*=/i.test(response.get("To") ?? "")) response.tagTo(toTag);
    return response;
  } catch (fault) {
    if (fault instanceof SipError) return undefined;
    throw fault;
  }
}
