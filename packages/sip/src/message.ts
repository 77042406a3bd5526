import { bytes, load } from "./bytes.ts";
import { SipError } from "./errors.ts";
import { endOfLine } from "./lineIndex.ts";
import { isText } from "./plain.ts";
import { SipRequest } from "./request.ts";
import { SipResponse } from "./response.ts";
import { charCr, charLf } from "./scan.ts";

export type { CSeq } from "./cseq.ts";
export { HeaderForm } from "./headerForm.ts";
export type { Body, HeaderList } from "./messageBase.ts";
export { createResponse } from "./createResponse.ts";
export type { ResponseOptions } from "./createResponse.ts";
export { SipRequest } from "./request.ts";
export { SipResponse } from "./response.ts";

const version = "sip/2.0";

/** A SIP message. */
export type SipMessage = SipRequest | SipResponse;

/**
 * Reads one whole message: a datagram, a WebSocket message, or what `StreamFramer` gives. At most 64 KiB.
 * @throws SipError whose `status` is what a malformed request is answered with; a malformed response is dropped
 * @example
 * const message = parseMessage(octets.fromBytes(datagram));
 * if (message instanceof SipRequest) console.log(message.method);
 */
export function parseMessage(source: string): SipMessage {
  const ascii = load(source);
  let start = 0;
  // RFC 3261 §7.5: line ends before the start line are ignored.
  while (bytes[start] === charCr && bytes[start + 1] === charLf) start += 2;
  const cr = endOfLine(source, start, "sip/start-line");
  // RFC 3261 §7.1: SIP-Version is compared without regard to case.
  if (isText(start, version)) return SipResponse.parsed(source, start, cr, ascii);
  if (cr - start < 7 || !isText(cr - 7, version)) refuseStartLine(source.slice(start, cr));
  return SipRequest.parsed(source, start, cr, ascii);
}

function refuseStartLine(line: string): never {
  // RFC 3261 §21.5.7, RFC 4475 §3.1.2.16: a well-formed line of another version gets 505.
  if (/^(?:[^ ]+ [^ ]+ )?SIP\/\d+\.\d+(?: \d{3}.*)?$/i.test(line)) throw new SipError("sip/version");
  throw new SipError("sip/start-line");
}
