import { SeededRandom } from "@portico/sip/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SessionMedia } from "../src/alg/sessionMedia.ts";
import { EpcscfError } from "../src/errors.ts";
import { callOut, dial, fromCore, idle, nextAtCore, registered, toNode } from "./support/call.ts";
import { openRig, SilentContext, type Browser, type Rig } from "./support/rig.ts";
import { chromiumAnswer, chromiumOffer, plainSdp } from "./support/sdp.ts";
import { until } from "./support/until.ts";

let rig: Rig;
const failures: unknown[] = [];
const note = (error: unknown): void => void failures.push(error);
beforeEach(async () => {
  failures.length = 0;
  process.on("unhandledRejection", note);
  rig = await openRig();
});
afterEach(async () => {
  process.off("unhandledRejection", note);
  await rig.close();
});

const random = new SeededRandom(20_260_101);
const below = (limit: number): number => Math.floor(random.next() * limit);

/** What a browser sends in a call, as octets. */
async function samples(browser: Browser): Promise<string[]> {
  const incoming = nextAtCore(rig);
  const leg = dial(browser, {
    headers: [
      ["P-Preferred-Identity", "<tel:+12125550142>"],
      ["Privacy", "none"],
    ],
  });
  (await incoming).usage.reject(486);
  await until(() => leg.rejected);
  const invite = leg.usage.invite.clone().prepend("Via", "SIP/2.0/WSS k3v9q0d1xm.invalid;branch=z9hG4bKfuzz@");
  const text = invite.toOctets();
  const other = (method: string): string => text.replace(/^INVITE/, method).replace("1 INVITE", `1 ${method}`);
  const register = rig.core.last("REGISTER").toOctets();
  return [
    text,
    other("MESSAGE"),
    other("SUBSCRIBE"),
    other("ACK"),
    other("BYE"),
    other("CANCEL"),
    register,
    "SIP/2.0 200 OK\r\n\r\n",
  ];
}

/** The text with a few octets changed, taken out, put in or repeated, and a branch of its own. */
function mutated(text: string, at: number): string {
  let octets = text.replace("fuzz@", `fuzz${at}`).replace(/Call-ID: /, `Call-ID: ${at}`);
  for (let edits = 1 + below(4); edits > 0; edits -= 1) {
    const [where, length] = [below(octets.length), below(12)];
    const piece =
      [String.fromCharCode(below(256)), "", octets.slice(where, where + length), "\r\n", "<", ";;", "%", "0"][
        below(8)
      ] ?? "";
    octets = octets.slice(0, where) + piece + octets.slice(where + (below(2) === 0 ? 0 : length));
  }
  return octets;
}

/** Sends octets over a socket, a new one whenever the node has closed the last. */
class Sender {
  #browser: Browser | undefined;
  #sent = 0;
  async send(bytes: Buffer, binary: boolean): Promise<void> {
    // Below the rate limit, so that the messages themselves are read.
    if (
      this.#browser === undefined ||
      this.#sent === 50 ||
      this.#browser.socket.readyState !== this.#browser.socket.OPEN
    ) {
      this.#browser?.socket.terminate();
      this.#browser = await registered(rig);
      this.#sent = 0;
    }
    this.#sent += 1;
    this.#browser.socket.send(bytes, { binary });
    if (this.#sent % 10 !== 0) return;
    const { socket } = this.#browser;
    const heard = new Promise((resolve) => socket.once("pong", resolve).once("close", resolve));
    if (socket.readyState === socket.OPEN) socket.ping();
    await heard;
  }
  close(): void {
    this.#browser?.socket.terminate();
  }
}

/** What went wrong; the node has answered another call before this returns. */
async function aftermath(): Promise<unknown[]> {
  await until(() => rig.node.counts.flows === 0 && idle(rig));
  rig.revoke({ tenant: "acme", reason: "test over" });
  await until(() => rig.node.counts.registrations === 0);
  const browser = await registered(rig, await rig.token({ sid: "after" }));
  await callOut(rig, browser);
  return [...failures, ...rig.alarms];
}

test("EPC-WS-04d arbitrary octets on W2 neither end the node nor leave anything", async () => {
  const sender = new Sender();
  for (let at = 0; at < 150; at += 1) {
    const bytes = Buffer.from(Array.from({ length: below(400) }, () => below(256)));
    await sender.send(bytes, at % 2 === 0);
  }
  sender.close();
  expect(await aftermath()).toEqual([]);
});

test("EPC-WS-04d mutated messages on W2 neither end the node nor leave anything", async () => {
  const messages = await samples(await registered(rig));
  rig.core.answer = (tx) => {
    if (tx.request.method === "REGISTER") {
      return tx.reply(200, {
        headers: [
          ["Service-Route", `<sip:orig@127.0.0.1:${rig.core.endpoint.port};transport=tcp;lr>`],
          ["P-Associated-URI", "<sip:u0042@acme.ims.test>"],
          ["Contact", tx.request.list("Contact")[0] ?? ""],
        ],
      });
    }
    return tx.reply(486);
  };
  const sender = new Sender();
  for (let at = 0; at < 600; at += 1) {
    const text = mutated(messages[at % messages.length] ?? "", at);
    await sender.send(Buffer.from(text, "latin1"), true);
  }
  sender.close();
  expect(await aftermath()).toEqual([]);
});

test("mutated session descriptions are read or refused, whatever the order", () => {
  for (let at = 0; at < 1500; at += 1) {
    const media = new SessionMedia(new SilentContext(0), "1", false);
    const steps = [
      () => media.accessOffer(mutated(chromiumOffer(), at)),
      () => media.coreAnswer(mutated(plainSdp(), at)),
      () => media.coreOffer(mutated(plainSdp({ codecs: "97 8 99" }), at)),
      () => media.accessAnswer(mutated(chromiumAnswer(), at)),
      () => media.lateCoreAnswer(mutated(plainSdp(), at)),
      () => media.coreOfferEarly(mutated(plainSdp(), at)),
      () => media.coreOfferAgain(),
    ];
    for (let step = 0; step < 5; step += 1) {
      const undo = media.checkpoint();
      try {
        steps[below(steps.length)]?.();
      } catch (error) {
        if (!(error instanceof EpcscfError)) note(error);
        undo();
      }
    }
    media.close();
  }
  expect(failures).toEqual([]);
});

test("mutated messages on Mw do not end the node", async () => {
  const browser = await registered(rig);
  browser.answer = (tx) => tx.reply(200);
  const text = fromCore(rig, "MESSAGE").prepend("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKfuzz@;rport").toOctets();
  const hop = toNode(rig, "UDP");
  for (let at = 0; at < 300; at += 1) hop.send(mutated(text, at));
  expect((await rig.core.agent.send(fromCore(rig, "MESSAGE"), toNode(rig))).status).toBe(200);
  expect(failures).toEqual([]);
  expect(rig.alarms).toEqual([]);
});
