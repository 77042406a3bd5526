import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";

import type { Duplex } from "node:stream";
import { Epcscf, JwtVerifier } from "@portico/epcscf";
import { systemClock, systemRandom } from "@portico/transport";
import type { JWK } from "jose";
import { createHttpsServer, openLog, tuneEngine } from "@portico/portico";
import { serve } from "../serve.ts";
import type { Certificate } from "./edge.ts";
import { homeDomain, issuer, keySet, site } from "./access.ts";
import { openState } from "./state.ts";
import { StubPlane } from "./stubPlane.ts";

// Process under test: an eP-CSCF behind its own HTTP server on loopback.
const verified = { issuer, audience: `sip:${homeDomain}`, now: Date.now };

const dialPlan = {
  domains: [homeDomain, "acme.ims.test"],
  internationalPrefix: "011",
  national: { trunk: "1", country: "+1", digits: 10 },
};

const commands = {
  /** @returns the ports of W2 and of Mw */
  open: async (options: OpenOptions): Promise<Ports> => {
    const { entryPoint, protocol, jwk, certificate } = options;
    const node = await Epcscf.open({
      clock: systemClock,
      random: systemRandom,
      log: openLog("info"),
      wallClock: Date.now,
      verifier: new JwtVerifier({ ...verified, keys: keySet(jwk) }),
      ...(await openState(jwk)),
      reportSession: async () => undefined,
      reportMessage: async () => undefined,
      noteRegistration: () => undefined,
      noteSubscription: () => undefined,
      node: "bench",
      media: new StubPlane(),
      sealKey: new Uint8Array(32).fill(7),
      home: { homeDomain, entryPoint, protocol },
      networkId: homeDomain,
      mw: { address: "127.0.0.1", port: 0 },
      w2: { sentBy: "portal.ims.test:443", originAllowed: (origin) => origin === site },
      authzServer: issuer,
      policyOf: () => ({ dialPlan }),
      emergencyNumbers: ["911", "112"],
      maxExpires: 3600,
      graceSeconds: 32,
      sessionGraceSeconds: 60,
      latchCoreMedia: false,
    });
    const ws = await listen(createServer(), node, false);
    return { ws, wss: await listen(createHttpsServer(certificate), node, true), mw: node.mwPort };
  },
};
export type EdgeCommands = typeof commands;
interface OpenOptions {
  readonly entryPoint: string;
  readonly protocol: "TCP" | "UDP";
  readonly jwk: JWK;
  readonly certificate: Certificate;
}
export interface Ports {
  /** W2 without and with TLS. */
  readonly ws: number;
  readonly wss: number;
  readonly mw: number;
}

async function listen(server: Server, node: Epcscf, secure: boolean): Promise<number> {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    node.upgrade(request, socket, head, secure),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("an IP port was asked for");
  return address.port;
}

tuneEngine();
serve(commands);
