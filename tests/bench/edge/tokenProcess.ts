import { JwtVerifier } from "@portico/epcscf";
import { parseCredentials, parseMessage } from "@portico/sip";
import type { JWK } from "jose";
import { serve } from "../serve.ts";
import { homeDomain, issuer, keySet } from "./access.ts";

// Process under test: REGISTERs are read, and the tokens in them looked up, which were verified before.
let verifier: JwtVerifier;
let registers: Buffer[] = [];

const commands = {
  open: async ({ jwk, messages }: { readonly jwk: JWK; readonly messages: readonly string[] }): Promise<void> => {
    verifier = new JwtVerifier({ issuer, audience: `sip:${homeDomain}`, now: Date.now, keys: keySet(jwk) });
    registers = messages.map((message) => Buffer.from(message, "latin1"));
    await read(registers.length, true);
  },
  /** Reads as many, with their tokens or without. */
  read: ({ count, withTokens }: Readings): Promise<void> => read(count, withTokens),
};
export type TokenCommands = typeof commands;
interface Readings {
  readonly count: number;
  readonly withTokens: boolean;
}

async function read(count: number, withTokens: boolean): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    const register = parseMessage(registers[turn % registers.length]?.toString("latin1") ?? "");
    const credentials = withTokens ? parseCredentials(register.get("Authorization") ?? "") : undefined;
    if (credentials !== undefined && "token" in credentials) await verifier.verify(credentials.token);
    else await Promise.resolve();
  }
}

serve(commands);
