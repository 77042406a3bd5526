import { createResponse, Dialog, SipRequest, SipResponse, UserAgent } from "@portico/sip";
import type { InviteUsage, ServerTransaction, SipMessage } from "@portico/sip";
import { SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { contact, hear, inviteRequest } from "./callHarness.ts";
import { fuzzRuns } from "./fuzzRuns.ts";

const order = ["calling", "early", "accepted", "confirmed", "terminated"];
const finals = (words: string[]): string[] => words.filter((word) => /^(?:rejected|cancelled|ended)/.test(word));
const sdp = { type: "application/sdp", text: "v=0\r\n" };

interface Run {
  ladder: string;
  faults: string[];
}

/** One usage on the left whose peer, on the right, keeps no rule; both do what chance says. */
function run(seed: number, role: "caller" | "callee"): Run {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const any = <T>(...of: [T, ...T[]]): T => of[Math.floor(random.next() * of.length)] ?? of[0];
  const wire = new Wire({ clock, protocol: any("UDP", "WSS"), delay: 0 });
  const faults: string[] = [];
  const errors: unknown[] = [];
  let offered: ServerTransaction | undefined;
  const ua = new UserAgent({
    clock,
    random,
    onError: (error) => void errors.push(error),
    onRequest: (tx) => (tx.request.method === "INVITE" ? (offered ??= tx) : tx.reply(501)),
  });
  wire.onLeft = (message, hop) => ua.receive(message, hop);
  const atPeer: SipMessage[] = [];
  wire.onRight = (message) => void atPeer.push(message);
  const { words, events } = hear({ request: (tx) => tx.reply(any(200, 200, 488), { headers: contact }) });
  const invite = inviteRequest([["Supported", "100rel"]]);
  if (role === "callee") {
    wire.right.send(invite.clone().prepend("Via", "SIP/2.0/UDP right.invalid;branch=z9hG4bKinvite").toOctets());
    clock.advance(0);
  }
  const usage: InviteUsage = offered ? ua.accept(offered, events) : ua.invite(invite, wire.left, events);
  clock.advance(0);
  const received = atPeer[0] ?? wire.records[0]?.message;
  let count = 0;
  /** The peer's view of the dialog, if one can be. */
  const dialogOf = (tag: string): Dialog => {
    if (role === "caller") return Dialog.uas(invite, createResponse(invite, 200, { toTag: tag, headers: contact }));
    return Dialog.uac(invite, createResponse(invite, 200, { toTag: offered?.localTag ?? tag, headers: contact }));
  };
  const dialogs = new Map(["one", "two"].map((tag) => [tag, dialogOf(tag)]));
  const peerActs: (() => void)[] = [
    () => {
      // A response to whatever came last, or to the INVITE.
      const request = any(
        received,
        atPeer.findLast((m) => m instanceof SipRequest && m.method !== "ACK"),
      );
      if (!(request instanceof SipRequest) || (role === "callee" && request.method === "INVITE" && !request.toTag))
        return;
      const reliable: [string, string][] = any(
        [],
        [
          ["Require", "100rel"],
          ["RSeq", any("1", "2", "3", "x")],
        ],
      );
      const options = { toTag: any("one", "one", "two"), headers: [...contact, ...reliable] };
      wire.right.send(
        createResponse(request, any(100, 180, 183, 199, 200, 200, 302, 481, 486, 603), options).toOctets(),
      );
    },
    () => {
      const method = any("BYE", "INFO", "UPDATE", "INVITE", "PRACK", "ACK", "CANCEL", "NOTIFY");
      const dialog = dialogs.get(any("one", "one", "two"));
      const request = dialog?.createRequest(method, [["RAck", "1 1 INVITE"]], any(undefined, sdp));
      if (!request) return;
      count += 1;
      const branch = method === "CANCEL" || (method === "ACK" && random.next() < 0.5) ? "invite" : `peer${count}`;
      request.set("CSeq", `${any(request.cseq.number, 1, 1)} ${method}`);
      wire.right.send(request.prepend("Via", `SIP/2.0/UDP right.invalid;branch=z9hG4bK${branch}`).toOctets());
    },
  ];
  const ownActs: (() => void)[] = [
    () => void usage.request(any("INFO", "UPDATE", "INVITE"), random.next() < 0.5 ? { body: sdp } : {}),
    () => void (random.next() < 0.2 && usage.end()),
    () => {
      if (role === "caller")
        return any(
          () => usage.ack(),
          () => usage.cancel(),
          () => usage.prack(sdp),
          () => usage.ack(),
        )();
      return any(
        () => usage.progress(any(180, 183), { reliable: random.next() < 0.5, headers: contact }),
        () => usage.accept({ headers: contact, body: sdp }),
        () => random.next() < 0.3 && usage.reject(486),
      )();
    },
  ];
  for (let step = 0; step < 25; step += 1) {
    const before = usage.state;
    any(...(peerActs as [() => void, () => void]), ...ownActs)();
    clock.advance(any(0, 0, 10, 600, 5000, 40_000));
    if (order.indexOf(usage.state) < order.indexOf(before)) faults.push(`${before} became ${usage.state}`);
    if (finals(words).length > 1) faults.push("two ends");
    if (usage.state === "terminated" && finals(words).length === 0 && role === "caller")
      faults.push("ended in silence");
  }
  usage.end();
  clock.advance(400_000);
  // A caller always hears one end; a callee that rejects by itself needs none.
  if (role === "caller" && finals(words).length !== 1) faults.push(`ends: ${finals(words).join()}`);
  if (usage.state !== "terminated") faults.push(`still ${usage.state}`);
  if (ua.transactions.size + clock.pending > 0) faults.push("something is left");
  if (errors.length > 0) faults.push(`errors ${errors.join()}`);
  const records = wire.records.map(({ message, from }) => ({ message, from }));
  const acked = new Set(records.flatMap(({ message: m, from }) => (from === "left" && isAck(m) ? [m.toTag] : [])));
  // RFC 3261 §13.2.2.4: every 2xx to our INVITE that its transaction took is acknowledged.
  const first2xx = records.find(({ message: m, from }) => from === "right" && is2xxToInvite(m, invite))?.message;
  const accepted = words.includes("accepted 200");
  if (role === "caller" && first2xx && accepted && acked.size === 0) faults.push("a 2xx without ACK");
  // RFC 3261 §17.2: every request gets a final response, however little sense it makes.
  const answered = new Set(
    records.flatMap(({ message: m, from }) =>
      from === "left" && m instanceof SipResponse && m.status >= 200 ? [key(m)] : [],
    ),
  );
  for (const { message: m, from } of records) {
    if (from === "right" && m instanceof SipRequest && !isAck(m) && !answered.has(key(m)))
      faults.push(`no answer to ${m.method}`);
  }
  const silence = records.length;
  clock.advance(400_000);
  if (wire.records.length > silence) faults.push("spoke after the end");
  return { ladder: `seed ${seed} ${role}\n${wire.ladder()}\n${words.join()}`, faults };
}

const key = (message: SipMessage): string => `${message.topVia.params.get("branch") ?? ""} ${message.cseq.method}`;
const isAck = (message: SipMessage): boolean => message instanceof SipRequest && message.method === "ACK";
const is2xxToInvite = (message: SipMessage, invite: SipRequest): boolean =>
  message instanceof SipResponse &&
  message.status >= 200 &&
  message.status < 300 &&
  message.cseq.method === "INVITE" &&
  message.cseq.number === invite.cseq.number;

test.each(["caller", "callee"] as const)(
  "a %s whose peer keeps no rule: states only go forward, one end, every request answered, nothing left",
  (role) => {
    for (let seed = 1; seed <= fuzzRuns(150); seed += 1) {
      const { ladder, faults } = run(seed, role);
      expect({ ladder, faults }).toEqual({ ladder, faults: [] });
    }
  },
);
