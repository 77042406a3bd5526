import { SipRequest, UserAgent } from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom } from "@portico/transport";
import { topology } from "./topology.ts";

/**
 * Asks an I-CSCF for an identity that nobody has, so that it asks the HSS (LIR). Kamailio gives up after 5 s without an answer, which
 * happens although its Diameter connection is open: what it has sent on one that was just made is sometimes lost.
 * @returns true: the HSS's answer has come through
 */
export async function reachesHss(icscf: string): Promise<boolean> {
  const agent = new UserAgent({ clock: systemClock, random: systemRandom, onRequest: (tx) => tx.reply(501) });
  const endpoint = await openSipEndpoint({
    address: topology.breakout,
    port: 0,
    tcp: false,
    onMessage: (message, hop) => agent.receive(message, hop),
  });
  try {
    const nobody = `sip:nobody@${topology.homeDomain}`;
    const request = SipRequest.create("OPTIONS", nobody, [
      ["Max-Forwards", "70"],
      ["From", `<sip:probe@${topology.breakout}>;tag=${systemRandom.token(8)}`],
      ["To", `<${nobody}>`],
      ["Call-ID", systemRandom.token(16)],
      ["CSeq", "1 OPTIONS"],
    ]);
    const { status } = await agent.send(request, endpoint.hopTo({ address: icscf, port: 5060, protocol: "UDP" }));
    return status === 604;
  } finally {
    agent.close();
    await endpoint.close();
  }
}
