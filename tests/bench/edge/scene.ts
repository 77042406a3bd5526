import { needPackages } from "../../support/packages.ts";
import { createIdentity } from "../agw/identity.ts";
import { openIssuer } from "./access.ts";
import type { Edge, Protocol } from "./edge.ts";
import { KamailioEdge, kamailioPackages } from "./kamailio/kamailio.ts";
import { PorticoEdge } from "./portico.ts";

/** Edges between the same users and the same core. */
export interface Scene {
  /** Ours first; then the peer, once for each of its ways to the core, where it can be had. */
  readonly edges: readonly [Edge, ...Edge[]];
  /** An access token for a user. */
  readonly token: (user: number) => Promise<string>;
}

/**
 * @param core its port on loopback
 * @param peers how the peer reaches it
 */
export async function openScene(core: number, ours: Protocol, peers: readonly Protocol[]): Promise<Scene> {
  const { jwk, token } = await openIssuer();
  const { cert, key } = (await createIdentity()).dtls;
  const certificate = { cert, key };
  const edges: [Edge, ...Edge[]] = [await PorticoEdge.open({ protocol: ours, core }, certificate, jwk)];
  const missing = needPackages(kamailioPackages);
  if (missing !== undefined) console.warn(`no peer, so no ratio: ${missing}`);
  else {
    try {
      for (const protocol of peers) edges.push(await KamailioEdge.open({ protocol, core }, certificate));
    } catch (error) {
      for (const edge of edges) await edge.close();
      throw error;
    }
  }
  return { edges, token };
}

/** Operations under way at any time. */
const window = 8;
/** Nothing takes that long: an answer is missing, and loopback loses none. */
const patienceMs = 240_000;

/** Does `count` operations, a few at a time (a closed loop). @throws Error when they do not end. */
export async function inTurns(
  count: number,
  operation: (turn: number) => Promise<void>,
  atOnce: number = window,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await operation(next++);
  };
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`stuck near operation ${next} of ${count}`)), patienceMs);
  try {
    await Promise.race([late, Promise.all(Array.from({ length: atOnce }, worker))]);
  } finally {
    clearTimeout(timer);
  }
}
