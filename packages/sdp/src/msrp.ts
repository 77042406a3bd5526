import { getAttribute } from "./description.ts";
import type { AttributeOwner } from "./description.ts";
import type { SetupRole } from "./dtls.ts";
import { words } from "./numbers.ts";

/** One side of an MSRP session (RFC 4975 §8, RFC 6714). */
export interface MsrpParameters {
  /** MSRP URIs, the side's own last. */
  path: string[];
  /** Media types it takes: "message/cpim", "text/*", "*". */
  acceptTypes: string[];
  /** Media types it takes inside a wrapper only. */
  acceptWrappedTypes: string[];
  /** Who connects (RFC 6135 §4.2); absent: the offerer does. */
  setup?: SetupRole;
  /** a=msrp-cema: a middle box may change c= and m= and leave the path as it is (RFC 6714 §4). */
  cema: boolean;
}

/**
 * Reads the MSRP attributes of a TCP/MSRP medium, or those that a data channel carries in its a=dcsa lines (RFC 8873
 * §4); undefined without a path.
 *
 * @example
 * ```ts
 * const lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=message 2855 TCP/MSRP *"];
 * lines.push("a=accept-types:text/plain", "a=path:msrp://192.0.2.1:2855/s1;tcp");
 * for (const media of parseSdp(lines.join("\r\n")).media) msrpOf(media)?.acceptTypes; // ["text/plain"]
 * ```
 */
export function msrpOf(owner: AttributeOwner): MsrpParameters | undefined {
  const list = (name: string): string[] => words((getAttribute(owner, name) ?? "").trim());
  const path = list("path");
  if (path.length === 0) return undefined;
  const parameters: MsrpParameters = {
    path,
    acceptTypes: list("accept-types"),
    acceptWrappedTypes: list("accept-wrapped-types"),
    cema: getAttribute(owner, "msrp-cema") !== undefined,
  };
  const setup = getAttribute(owner, "setup");
  if (setup === "active" || setup === "passive" || setup === "actpass" || setup === "holdconn")
    parameters.setup = setup;
  return parameters;
}
