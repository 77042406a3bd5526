import { createResponse, Dialog, parseMessage, SipRequest, SipResponse } from "@portico/sip";
import type { DialogState } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { inviteRequest } from "./callHarness.ts";
import { fuzzRuns } from "./fuzzRuns.ts";
import { held } from "./memory.ts";

const plain: DialogState = {
  callId: "c",
  localTag: "l",
  remoteTag: "r",
  local: "<sip:mary@acme.ims.test>;tag=l",
  remote: "<sip:ken@acme.ims.test>;tag=r",
  remoteTarget: "sip:ken@right.invalid",
  routeSet: [],
  localCseq: 1,
  phase: "confirmed",
};

function answered(status: number, headers: [string, string][] = []): { invite: SipRequest; response: SipResponse } {
  const invite = inviteRequest([["Record-Route", "<sip:one.invalid;lr>, <sip:two.invalid;lr>"]]);
  return { invite, response: createResponse(invite, status, { toTag: "ken1", headers }) };
}

test("the callee's dialog: route set in order, target from Contact, CSeq of its own", () => {
  const { invite, response } = answered(200, [["Contact", "<sip:ken@right.invalid>"]]);
  const dialog = Dialog.uas(invite, response);
  expect(dialog.state).toEqual({
    callId: "call-1",
    localTag: "ken1",
    remoteTag: "mary1",
    local: "<sip:ken@acme.ims.test>;tag=ken1",
    remote: '"Mary Jones" <sip:mary@acme.ims.test>;tag=mary1',
    localContact: "<sip:ken@right.invalid>",
    remoteTarget: "sip:mary@left.invalid",
    routeSet: ["<sip:one.invalid;lr>", "<sip:two.invalid;lr>"],
    localCseq: 0,
    remoteCseq: 1,
    phase: "confirmed",
  });
  const bye = dialog.createRequest("BYE", [["Reason", "SIP;cause=200"]]);
  expect(bye.headers()).toEqual([
    ["Route", "<sip:one.invalid;lr>"],
    ["Route", "<sip:two.invalid;lr>"],
    ["From", "<sip:ken@acme.ims.test>;tag=ken1"],
    ["To", '"Mary Jones" <sip:mary@acme.ims.test>;tag=mary1'],
    ["Call-ID", "call-1"],
    ["CSeq", "1 BYE"],
    ["Max-Forwards", "70"],
    ["Reason", "SIP;cause=200"],
  ]);
});

test("both ends have one dialog: what one calls local the other calls remote", () => {
  const { invite, response } = answered(180, [["Contact", "<sip:ken@right.invalid>"]]);
  const [uac, uas] = [Dialog.uac(invite, response), Dialog.uas(invite, response)];
  expect([uac.id, uas.id]).toEqual(["call-1 mary1 ken1", "call-1 ken1 mary1"]);
  expect([uac.phase, uac.state.routeSet]).toEqual(["early", ["<sip:two.invalid;lr>", "<sip:one.invalid;lr>"]]);
});

test("a dialog outlives its process: state, JSON, restore", () => {
  const { invite, response } = answered(200, [["Contact", "<sip:ken@right.invalid>"]]);
  const dialog = Dialog.uac(invite, response);
  dialog.createRequest("INFO");
  const copy = Dialog.restore(JSON.parse(JSON.stringify(dialog.state)) as typeof dialog.state);
  expect(copy.state).toEqual(dialog.state);
  expect(copy.createRequest("BYE").toOctets()).toBe(dialog.createRequest("BYE").toOctets());
  expect(copy.createRequest("BYE").cseq.number).toBe(4);
});

test("a strict router gets the Request-URI, the target goes to the end of the route (RFC 3261 §12.2.1.1)", () => {
  const invite = inviteRequest();
  const headers: [string, string][] = [
    ["Record-Route", "<sip:loose.invalid;lr>, <sip:strict.invalid>"],
    ["Contact", "<sip:ken@right.invalid>"],
  ];
  const bye = Dialog.uac(invite, createResponse(invite, 200, { toTag: "k", headers })).createRequest("BYE");
  expect([bye.uri, bye.list("Route")]).toEqual([
    "sip:strict.invalid",
    ["<sip:loose.invalid;lr>", "<sip:ken@right.invalid>"],
  ]);
});

const target = (contact: [string, string][]): string => {
  const { invite, response } = answered(200, contact);
  return Dialog.uac(invite, response).remoteTarget;
};

test("the target is a Contact fit for a Request-URI; without one it is the INVITE's", () => {
  expect(target([["Contact", '"Ken" <sip:ken@right.invalid;transport=tcp?Subject=x>;expires=3']])).toBe(
    "sip:ken@right.invalid;transport=tcp",
  );
  expect(target([["Contact", "*"]])).toBe("sip:ken@acme.ims.test");
  expect(target([])).toBe("sip:ken@acme.ims.test");
});

const at = (number: number): SipRequest => inviteRequest().clone().set("CSeq", `${number} INVITE`);

test("CSeq numbers of the peer must rise, gaps are allowed (RFC 3261 §12.2.2)", () => {
  const { invite, response } = answered(200);
  const dialog = Dialog.uas(invite, response);
  expect([5, 5, 4, 2 ** 31 - 1].map((number) => dialog.accepts(at(number)))).toEqual(["ok", "old", "old", "ok"]);
  expect(dialog.state.remoteCseq).toBe(2 ** 31 - 1);
});

test("Contact goes into requests that refresh the target, the caller's own is kept for the next", () => {
  const { invite, response } = answered(200);
  const dialog = Dialog.uac(invite, response);
  expect(dialog.createRequest("UPDATE").get("Contact")).toBe("<sip:mary@left.invalid>");
  expect(dialog.createRequest("INFO").has("Contact")).toBe(false);
  expect(dialog.createRequest("INVITE", [["contact", "<sip:new.invalid>"]]).all("Contact")).toEqual([
    "<sip:new.invalid>",
  ]);
  expect(dialog.createRequest("UPDATE").all("Contact")).toEqual(["<sip:new.invalid>"]);
  expect(dialog.createRequest("INFO", [["Max-Forwards", "9"]]).all("Max-Forwards")).toEqual(["9"]);
});

test("an ACK has the INVITE's CSeq number and takes none", () => {
  const { invite, response } = answered(200);
  const dialog = Dialog.uac(invite, response);
  const ack = dialog.createAck(1, { type: "application/sdp", text: "v=0\r\n" });
  const parsed = parseMessage(ack.prepend("Via", "SIP/2.0/WSS left.invalid;branch=z9hG4bKa").toOctets());
  expect([parsed.get("CSeq"), parsed.body, dialog.createRequest("BYE").cseq.number]).toEqual(["1 ACK", "v=0\r\n", 2]);
});

test("a GRUU is a target like any other, with its parameters (RFC 5627 §3.2)", () => {
  const gruu = "sip:ken@acme.ims.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  const dialog = Dialog.restore({ ...plain, remoteTarget: "sip:ken@old.invalid" });
  dialog.updateTarget(SipResponse.create(200, "OK", [["Contact", `<${gruu}>;+sip.instance="<urn:uuid:x>"`]]));
  expect(dialog.createRequest("BYE").uri).toBe(gruu);
});

test("a target refresh changes the target, never the route set (RFC 3261 §12.2.1.2)", () => {
  const dialog = Dialog.restore({ ...plain, routeSet: ["<sip:p1.invalid;lr>", "<sip:p2.invalid;lr>"] });
  dialog.updateTarget(
    SipResponse.create(200, "OK", [
      ["Contact", "<sip:ken@new.invalid>"],
      ["Record-Route", "<sip:elsewhere.invalid;lr>"],
    ]),
  );
  const bye = dialog.createRequest("BYE");
  expect([bye.uri, ...bye.list("Route")]).toEqual([
    "sip:ken@new.invalid",
    "<sip:p1.invalid;lr>",
    "<sip:p2.invalid;lr>",
  ]);
});

test("whatever comes in whatever order: our CSeq rises by one, the peer's never falls, the tags stay", () => {
  for (let seed = 1; seed <= fuzzRuns(200); seed += 1) {
    const random = new SeededRandom(seed);
    const any = (below: number): number => Math.floor(random.next() * below);
    let dialog = Dialog.restore({ ...plain, routeSet: random.next() < 0.5 ? ["<sip:strict.invalid>"] : [] });
    let [own, highest, peer] = [plain.localCseq, -1, plain.remoteTarget];
    const verdicts: [string, string][] = [];
    for (let step = 0; step < 40; step += 1) {
      const number = any(60);
      const act = any(5);
      if (act === 0) own += 1;
      const sent = act === 0 ? dialog.createRequest("INFO") : dialog.createAck(own);
      expect(sent.cseq.number).toBe(own);
      expect([sent.fromTag, sent.toTag, sent.callId]).toEqual(["l", "r", "c"]);
      expect(sent.list("Route").at(-1) ?? `<${sent.uri}>`).toBe(`<${peer}>`);
      if (act === 1) {
        const request = SipRequest.create("INFO", "sip:a@b", [["CSeq", `${number} INFO`]]);
        verdicts.push([dialog.accepts(request), number > highest ? "ok" : "old"]);
        highest = Math.max(highest, number);
      }
      if (act === 2) {
        const usable = random.next() < 0.5;
        dialog.updateTarget(
          SipResponse.create(200, "", usable ? [["Contact", `<sip:ken@${number}.invalid>`]] : [["Contact", "*"]]),
        );
        if (usable) peer = `sip:ken@${number}.invalid`;
      }
      if (act === 3) dialog = Dialog.restore(structuredClone(dialog.state));
    }
    expect(verdicts.filter(([got, wanted]) => got !== wanted)).toEqual([]);
  }
});

test("a dialog holds none of the messages that made it or came in it", () => {
  const body = "a=sendrecv\r\n".repeat(4000);
  const came = <Of extends SipRequest | SipResponse>(message: Of): Of =>
    parseMessage(message.setBody("application/sdp", body).toOctets()) as Of;
  const growth = held(() =>
    Array.from({ length: 100 }, (_, number) => {
      const { invite, response } = answered(200, [
        ["Contact", `<sip:ken.of.the.long.name${number}@right.invalid>`],
        ["Record-Route", "<sip:one.of.the.proxies.invalid;lr>"],
      ]);
      invite.prepend("Via", "SIP/2.0/TCP left.invalid;branch=z9hG4bK1");
      response.prepend("Via", "SIP/2.0/TCP left.invalid;branch=z9hG4bK1");
      const [caller, callee] = [Dialog.uac(invite, came(response)), Dialog.uas(came(invite), response)];
      callee.updateTarget(came(invite.set("Contact", `<sip:mary.of.the.long.name${number}@left.invalid>`)));
      return [caller, callee];
    }),
  );
  expect(growth).toBeLessThan(100 * body.length);
});
