import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { octets, parseMessage, SipError, SipRequest } from "../src/index.ts";

/** The RFC 4475 messages, one a file; not part of this repository. */
const folder = process.env["PORTICO_SIP_TORTURE"] ?? "/work/shared/data/sip-torture";
const present = existsSync(folder);
if (!present) console.warn(`RFC 4475 messages skipped: ${folder} is absent (set PORTICO_SIP_TORTURE to their folder)`);

/**
 * What RFC 4475 §3.1.2 and after want refused by the parser. All others of the "invalid" ones are for later stages:
 * unknown schemes (416), bodies (415), extensions (420), hop count (483), credentials (401), doubtful but readable values.
 */
const refused: Record<string, number> = {
  "badaspec.dat": 400,
  "baddn.dat": 400,
  "badinv01.dat": 400,
  "badvers.dat": 505,
  "bigcode.dat": 500,
  "clerr.dat": 400,
  "escruri.dat": 400,
  "insuf.dat": 400,
  "ltgtruri.dat": 400,
  "lwsruri.dat": 400,
  "lwsstart.dat": 400,
  "mcl01.dat": 400,
  "mismatch01.dat": 400,
  "mismatch02.dat": 400,
  "multi01.dat": 400,
  "ncl.dat": 400,
  "quotbal.dat": 400,
  "regbadct.dat": 400,
  "scalar02.dat": 400,
  "scalarlg.dat": 400,
  "test.dat": 400,
  "trws.dat": 400,
};

function files(kind: string): [name: string, source: string][] {
  if (!present) return [];
  return readdirSync(join(folder, kind)).map((name) => [
    name,
    octets.fromBytes(readFileSync(join(folder, kind, name))),
  ]);
}

function faultOf(source: string): SipError | undefined {
  try {
    parseMessage(source);
    return undefined;
  } catch (error) {
    if (error instanceof SipError) return error;
    throw error;
  }
}

describe.skipIf(!present)("RFC 4475", () => {
  test("EPC-WS-11a the set is complete, and every message of it is read or refused with its status", () => {
    const all = [...files("valid"), ...files("invalid")];
    // test.dat is a message of the folder, not of the RFC.
    expect(all.filter(([name]) => name !== "test.dat")).toHaveLength(49);
    for (const [name, source] of all) expect([name, faultOf(source)?.status]).toEqual([name, refused[name]]);
  });

  test.each(files("valid"))("accepts %s and gives it back as it came", (_, source) => {
    const message = parseMessage(source);
    expect(source.startsWith(message.toOctets())).toBe(true);
  });

  test("reads the tortuous INVITE (§3.1.1.1)", () => {
    const [, source = ""] = files("valid").find(([name]) => name === "wsinv.dat") ?? [];
    const invite = parseMessage(source) as SipRequest;
    expect(invite.from).toEqual({
      display: 'J Rosenberg \\"',
      uri: "sip:jdrosen@example.com",
      params: new Map([["tag", "98asjd8"]]),
    });
    expect(invite.toTag).toBe("1918181833n");
    expect(invite.cseq).toEqual({ number: 9, method: "INVITE" });
    expect(invite.list("Via").map((via) => via.replaceAll(/\s/g, ""))).toEqual([
      "SIP/2.0/UDP192.0.2.2;branch=390skdjuw",
      "SIP/2.0/TCPspindle.example.com;branch=z9hG4bK9ikj8",
      "SIP/2.0/UDP192.168.255.111;branch=z9hG4bK30239",
    ]);
    expect(invite.get("NewFangledHeader")).toBe("newfangled value continued newfangled value");
  });
});
