import { once } from "node:events";
import { createServer } from "node:http";
import { Epcscf, JwtVerifier } from "@portico/epcscf";
import { systemClock, systemRandom } from "@portico/transport";
import type { JWK } from "jose";
import { serve } from "../serve.ts";
import { clientId, homeDomain, impiOf, issuer, keySet, site, tenant } from "./access.ts";
import { StubPlane } from "./stubPlane.ts";

// Process under test: an eP-CSCF behind its own HTTP server on loopback.
const nothing = (): void => undefined;
const verified = { issuer, audience: `sip:${homeDomain}`, now: Date.now };

const commands = {
  /** @returns the ports of W2 and of Mw */
  open: async (options: { entryPoint: string; protocol: "TCP" | "UDP"; jwk: JWK }): Promise<Ports> => {
    const { entryPoint, protocol, jwk } = options;
    const node = await Epcscf.open({
      clock: systemClock,
      random: systemRandom,
      log: { info: nothing, warn: nothing, alarm: (event) => console.error(`alarm of the eP-CSCF: ${event}`) },
      wallClock: Date.now,
      verifier: new JwtVerifier({ ...verified, keys: keySet(jwk) }),
      blocks: { find: async (impu) => ({ tenant, clientId, impu, impi: impiOf(impu) }) },
      revocations: { isRevoked: () => false, onRevoked: () => nothing },
      reportRegistration: nothing,
      reportSession: async () => undefined,
      node: "bench",
      registrationStore: { all: async () => [], write: async () => undefined },
      media: new StubPlane(),
      sealKey: new Uint8Array(32).fill(7),
      home: { homeDomain, entryPoint, protocol },
      networkId: homeDomain,
      mw: { address: "127.0.0.1", port: 0 },
      w2: { sentBy: "portal.ims.test:443", originAllowed: (origin) => origin === site },
      authzServer: issuer,
      dialPlan: {
        domains: [homeDomain, "acme.ims.test"],
        internationalPrefix: "011",
        national: { trunk: "1", country: "+1", digits: 10 },
      },
      emergencyNumbers: ["911", "112"],
      maxExpires: 3600,
      graceSeconds: 32,
      latchCoreMedia: false,
    });
    const http = createServer();
    http.on("upgrade", (request, socket, head) => node.upgrade(request, socket, head, false));
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const address = http.address();
    if (address === null || typeof address === "string") throw new Error("an IP port was asked for");
    return { w2: address.port, mw: node.mwPort };
  },
};
export type EdgeCommands = typeof commands;
export interface Ports {
  readonly w2: number;
  readonly mw: number;
}

serve(commands);
