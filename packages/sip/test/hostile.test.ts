import { createResponse, SipRequest, UserAgent } from "@portico/sip";
import type { InviteUsage } from "@portico/sip";
import { SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { contact, hear, inviteRequest, pair } from "./callHarness.ts";
import { fuzzRuns } from "./fuzzRuns.ts";

const methods = ["INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "OPTIONS", "NOTIFY"];
const statuses = [100, 180, 183, 199, 200, 202, 302, 404, 481, 487, 491, 603];

/** Well-formed messages that make no sense: any method with any tags, sequence number, RAck and branch. */
function nonsense(random: SeededRandom): string {
  const any = <T>(values: readonly T[]): T => values[Math.floor(random.next() * values.length)] as T;
  const method = any(methods);
  const tag = (): string => any(["", ";tag=a", ";tag=b", ";tag=mary1", ";tag=ken1"]);
  const request = SipRequest.create(method, any(["sip:ken@right.invalid", "tel:+12125550100", "sip:x"]), [
    ["Via", `SIP/2.0/UDP x.invalid${any([";branch=z9hG4bKa", ";branch=z9hG4bKb", ";branch=1", ""])}`],
    ["From", `<sip:mary@acme.ims.test>${tag()}`],
    ["To", `<sip:ken@acme.ims.test>${tag()}`],
    ["Call-ID", any(["call-1", "two"])],
    ["CSeq", `${any([0, 1, 2, 2 ** 31 - 1])} ${method}`],
    ["Contact", any(["*", "<sip:x>", "<tel:+1>", "<sip:a@b?Subject=c>"])],
    ["RAck", any(["", "1 1 INVITE", "x", "1"])],
    ["RSeq", any(["1", "2", "-1", "x"])],
    ["Require", any(["100rel", "", "x"])],
    ["Supported", any(["100rel", ""])],
    ["Record-Route", any(["<sip:r;lr>", "<sip:strict>", "<sip:a;lr>,<sip:b>"])],
  ]);
  if (random.next() < 0.5) return request.toOctets();
  const status = any(statuses);
  const response = createResponse(request, status, { toTag: any(["a", "b"]), headers: contact });
  for (const name of ["Require", "RSeq"]) response.add(name, request.get(name) ?? "");
  return response.toOctets();
}

test("nonsense from the network throws nothing, ends nobody's call twice, and is forgotten in time", () => {
  for (let seed = 1; seed <= fuzzRuns(40); seed += 1) {
    const clock = new VirtualClock();
    const random = new SeededRandom(seed);
    const errors: unknown[] = [];
    const wire = new Wire({ clock, protocol: "UDP" });
    const heard: string[][] = [];
    const usages: InviteUsage[] = [];
    const ua: UserAgent = new UserAgent({
      clock,
      random,
      onError: (error) => void errors.push(error),
      onRequest: (tx) => {
        if (tx.request.method !== "INVITE") return tx.reply(200);
        const { words, events } = hear({ request: (inside) => inside.reply(200) });
        heard.push(words);
        const usage = ua.accept(tx, events);
        usages.push(usage);
        if (random.next() < 0.5) usage.progress(183, { reliable: true, headers: contact });
        if (random.next() < 0.5) usage.accept({ headers: contact });
        return undefined;
      },
    });
    wire.onRight = (message, hop) => ua.receive(message, hop);
    const { words, events } = hear({ accepted: () => caller.ack() });
    heard.push(words);
    const caller = ua.invite(inviteRequest(), wire.right, events);
    usages.push(caller);
    for (let n = 0; n < 200; n += 1) {
      clock.setTimer(random.next() * 20_000, () => void wire.left.send(nonsense(random)));
    }
    clock.advance(25_000);
    for (const usage of usages) usage.end();
    clock.advance(500_000);
    for (const ends of heard)
      expect(ends.filter((word) => /^(?:rejected|cancelled|ended)/.test(word)).length).toBeLessThan(2);
    expect({ seed, errors, left: ua.transactions.size + clock.pending }).toEqual({ seed, errors: [], left: 0 });
  }
});

test("an INVITE that was cancelled before its owner took it on is over from the start", () => {
  const p = pair();
  const { words, events } = hear();
  const caller = p.left.invite(inviteRequest(), p.wire.left, events);
  p.clock.advance(250);
  caller.cancel();
  p.clock.advance(5);
  expect(words).toEqual(["rejected 487"]);
  const [tx] = p.incoming;
  if (!tx) throw new Error("no INVITE");
  const late = hear();
  const callee = p.right.accept(tx, late.events);
  expect(callee.state).toBe("terminated");
  callee.progress(180);
  callee.accept();
  p.clock.advance(1);
  expect(late.words).toEqual(["cancelled CANCEL"]);
  expect(p.wire.log.slice(-2)).toEqual(["right: 487 INVITE", "left: ACK"]);
});

test("headers that could smuggle lines are refused before anything has changed", () => {
  const p = pair();
  const { caller, callee, heardByCaller } = p.call();
  const bad: [string, string][] = [["Reason", "SIP\r\nX: y"]];
  expect(() => callee.reject(486, { headers: bad })).toThrow("");
  expect(() => caller.cancel(bad)).toThrow("");
  callee.accept({ headers: contact });
  p.clock.advance(5);
  expect(() => caller.bye(bad)).toThrow("");
  expect([caller.state, callee.state, heardByCaller.words]).toEqual(["confirmed", "confirmed", ["accepted 200"]]);
});
