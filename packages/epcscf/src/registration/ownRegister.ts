import { SipRequest, type Random } from "@portico/sip";
import type { Core } from "../core.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import type { Binding } from "./binding.ts";
import { asEdge, vouchedBy } from "./trustedNode.ts";

export interface OwnRegisterOptions {
  readonly core: Core;
  readonly charging: ChargingVectors;
  readonly random: Random;
  /** P-Visited-Network-ID. */
  readonly networkId: string;
}

/** Where a REGISTER stands in the order of its kind (RFC 3261 §10.2): the core takes none that is older than the last. */
export interface Order {
  readonly callId: string;
  readonly cseq: number;
}

/** A REGISTER that no browser has sent. @param expires seconds; 0 ends the binding. */
export function ownRegister(
  { core, random, charging, networkId }: OwnRegisterOptions,
  binding: Binding,
  expires: number,
  { callId, cseq }: Order,
): SipRequest {
  const { homeDomain } = core.options;
  const { impu } = binding;
  const request = SipRequest.create("REGISTER", `sip:${homeDomain}`, [
    ["Max-Forwards", "70"],
    ["From", `<${impu}>;tag=${random.token(10)}`],
    ["To", `<${impu}>`],
    ["Call-ID", callId],
    ["CSeq", `${cseq} REGISTER`],
  ]);
  const node = { homeDomain, networkId };
  const edge = {
    contact: `${binding.contact};expires=${expires}`,
    path: binding.path,
    supported: "path, outbound",
    expires,
    chargingVector: charging.next(),
  };
  asEdge(request, node, edge, vouchedBy(node, binding.impi));
  return request;
}
