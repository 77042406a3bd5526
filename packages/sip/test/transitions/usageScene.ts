import { createResponse, Dialog, SipRequest, UserAgent } from "@portico/sip";
import type { HeaderList, InviteUsage, ServerTransaction } from "@portico/sip";
import { ScriptedPeer, SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect } from "vitest";
import { hear, inviteRequest } from "../callHarness.ts";
import type { Row } from "./machine.ts";

/** One usage on the left; on the right a peer whose every message is written by the test. */
export interface Scene {
  clock: VirtualClock;
  wire: Wire;
  ua: UserAgent;
  peer: ScriptedPeer;
  usage: InviteUsage | undefined;
  /** Of a caller: what the peer answers. */
  invite: SipRequest;
  /** Of a callee: what its user agent was handed. */
  offered: ServerTransaction | undefined;
  /** What the usage told its owner. */
  words: string[];
}

export const sdp = { type: "application/sdp", text: "v=0\r\n" };

function scene(): Scene {
  const clock = new VirtualClock();
  const wire = new Wire({ clock });
  const peer = new ScriptedPeer({ clock, hop: wire.right });
  const s: Scene = {
    clock,
    wire,
    peer,
    usage: undefined,
    invite: inviteRequest(),
    offered: undefined,
    words: [],
    ua: new UserAgent({ clock, random: new SeededRandom(5), onRequest: (tx) => void (s.offered = tx) }),
  };
  wire.onLeft = (message, hop) => s.ua.receive(message, hop);
  wire.onRight = peer.receive;
  return s;
}

/** The usage of a scene that has one. */
export function usageOf(s: Scene): InviteUsage {
  if (!s.usage) throw new Error("no usage");
  return s.usage;
}

export async function calling(): Promise<Scene> {
  const s = scene();
  const { words, events } = hear();
  s.words = words;
  s.usage = s.ua.invite(inviteRequest(), s.wire.left, events);
  s.invite = await s.peer.expectRequest("INVITE");
  return s;
}

/** The peer answers the INVITE. */
export async function answer(s: Scene, status: number, toTag = "one", headers: HeaderList = []): Promise<void> {
  s.peer.reply(s.invite, status, { toTag, headers });
  await s.clock.settle(5);
}

export async function caller(state: string): Promise<Scene> {
  if (state === "start") return scene();
  const s = await calling();
  if (state === "early") await answer(s, 180);
  if (state === "accepted" || state === "confirmed") await answer(s, 200);
  if (state === "confirmed") {
    usageOf(s).ack();
    await s.peer.expectRequest("ACK");
  }
  s.words.length = 0;
  return s;
}

export const refused = (from: string): Row<Scene>[] => [
  {
    from,
    to: "terminated",
    on: "3xx-6xx, 408, 503: rejected",
    async run(s) {
      await answer(s, 486);
      await s.peer.expectRequest("ACK");
      expect(s.words).toEqual(["rejected 486"]);
      for (const [why, word] of [
        ["timeout", "rejected 408"],
        ["no way", "rejected 503"],
      ] as const) {
        const other = await caller(from);
        if (why === "no way") other.ua.hopClosed(other.wire.left);
        // A caller in early waits for timer C, then for the answer to its CANCEL.
        else await other.clock.settle(185_000 + 32_000 + 10);
        await other.clock.settle(1);
        expect(other.words).toEqual([word]);
      }
    },
  },
  {
    from,
    to: "terminated",
    on: "cancel, then 2xx: ACK, BYE, rejected",
    async run(s) {
      usageOf(s).cancel();
      await s.clock.settle(5);
      await answer(s, 200);
      const methods = s.wire.log.filter((line) => line.startsWith("left: ") && !line.includes("CANCEL"));
      expect(methods.slice(-2)).toEqual(["left: ACK", "left: BYE"]);
      expect(s.words).toEqual(["rejected 487"]);
    },
  },
];

export const secondBranch = (state: string): Row<Scene> => ({
  from: state,
  to: state,
  on: "2xx of another branch: ACK, BYE",
  async run(s) {
    await answer(s, 200, "two");
    expect((await s.peer.expectRequest("ACK")).toTag).toBe("two");
    expect((await s.peer.expectRequest("BYE")).toTag).toBe("two");
    expect(s.words).toEqual([]);
  },
});

/** What ends a confirmed call is the same on both sides. */
export function established(): Row<Scene>[] {
  return [
    {
      from: "confirmed",
      to: "terminated",
      on: "bye: BYE, ended",
      async run(s) {
        usageOf(s).bye();
        expect(s.words).toEqual(["ended local"]);
        s.peer.reply(await s.peer.expectRequest("BYE"), 200);
        await s.peer.expectNothing(64_000);
      },
    },
    {
      from: "confirmed",
      to: "terminated",
      on: "BYE: 200, ended",
      async run(s) {
        s.peer.request("BYE");
        await s.peer.expectResponse(200);
        expect(s.words).toEqual(["ended peer"]);
      },
    },
    {
      from: "confirmed",
      to: "terminated",
      on: "481, 408 to a request of ours: ended",
      async run(s) {
        void usageOf(s).request("INFO");
        s.peer.reply(await s.peer.expectRequest("INFO"), 481);
        await s.peer.expectNothing(1000);
        expect(s.words).toEqual(["ended peer"]);
        const other = await (usageOf(s).role === "caller" ? caller : callee)("confirmed");
        void usageOf(other).request("INFO");
        other.peer.reply(await other.peer.expectRequest("INFO"), 408);
        await other.peer.expectRequest("BYE");
        expect(other.words).toEqual(["ended timeout"]);
      },
    },
  ];
}

/** The INVITE of the peer, and the usage that took it on. */
export async function callee(state: string): Promise<Scene> {
  const s = scene();
  s.invite = s.peer.send(
    inviteRequest([["Supported", "100rel"]]).prepend("Via", "SIP/2.0/WSS right.invalid;branch=z9hG4bKinvite"),
  );
  await s.clock.settle(5);
  if (state === "start") return s;
  take(s);
  const usage = usageOf(s);
  if (state === "early") {
    usage.progress(180);
    await s.peer.expectResponse(180);
  }
  if (state === "accepted" || state === "confirmed") {
    usage.accept({ headers: [["Contact", "<sip:mary@left.invalid>"]] });
    await s.peer.expectResponse(200);
  }
  if (state === "confirmed") s.peer.ack();
  await s.clock.settle(5);
  s.words.length = 0;
  return s;
}

export function take(s: Scene): void {
  if (!s.offered) throw new Error("no INVITE");
  const { words, events } = hear();
  s.words = words;
  s.usage = s.ua.accept(s.offered, events);
}

/** A request of the peer inside the dialog that our tag makes, or for the INVITE itself. */
function peerSays(s: Scene, method: "BYE" | "CANCEL"): void {
  if (method === "BYE") {
    const response = createResponse(s.invite, 180, { toTag: s.offered?.localTag ?? "" });
    s.peer.send(Dialog.uac(s.invite, response).createRequest("BYE"));
    return;
  }
  s.peer.send(
    SipRequest.create("CANCEL", s.invite.uri, [])
      .copy(s.invite, "Via")
      .copy(s.invite, "From")
      .copy(s.invite, "To")
      .copy(s.invite, "Call-ID")
      .add("CSeq", "1 CANCEL"),
  );
}

export const declined = (from: string): Row<Scene>[] => [
  {
    from,
    to: "terminated",
    on: "reject: 3xx-6xx",
    async run(s) {
      usageOf(s).reject(486);
      await s.peer.expectResponse(486);
      expect(s.words, "its owner's own doing").toEqual([]);
    },
  },
  {
    from,
    to: "terminated",
    on: "CANCEL, BYE: 487, cancelled",
    async run(s) {
      peerSays(s, "CANCEL");
      await s.peer.expectResponse(200);
      await s.peer.expectResponse(487);
      expect(s.words).toEqual(["cancelled CANCEL"]);
      // A BYE needs an early dialog.
      const other = await callee("early");
      peerSays(other, "BYE");
      await other.peer.expectResponse(200);
      await other.peer.expectResponse(487);
      expect(other.words).toEqual(["cancelled BYE"]);
    },
  },
];

/** The PRACK to the last reliable response that has come. */
export async function prack(s: Scene): Promise<void> {
  const last = s.wire.records.findLast(({ message }) => message.has("RSeq"))?.message;
  s.peer.request("PRACK", { headers: [["RAck", `${last?.get("RSeq")} 1 INVITE`]] });
  await s.peer.expectResponse(200);
}
