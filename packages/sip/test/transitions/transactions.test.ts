import { createResponse, SipRequest } from "@portico/sip";
import type { ClientTransaction, ServerTransaction } from "@portico/sip";
import { expect } from "vitest";
import { ownRequest, peerRequest, stage } from "../layerHarness.ts";
import type { Stage } from "../layerHarness.ts";
import { machine } from "./machine.ts";

type Protocol = "UDP" | "WSS";

interface Client {
  s: Stage;
  tx: ClientTransaction;
  /** As sent: a transaction that is over has let it go. */
  request: SipRequest;
}

interface Server {
  s: Stage;
  tx: ServerTransaction | undefined;
}

/** What has arrived at the peer since the last look, in short. */
function arrived({ s }: { s: Stage }): string[] {
  s.clock.advance(0);
  return s.atPeer.splice(0).map((message) => (message instanceof SipRequest ? message.method : String(message.status)));
}

function heard({ s }: { s: Stage }): string[] {
  return s.heard.splice(0);
}

/** A client transaction whose peer has answered with these. */
function client(method: string, statuses: number[], protocol: Protocol = "UDP"): Client {
  const s = stage({ protocol });
  const tx = s.send(ownRequest(method));
  const one = { s, tx, request: tx.request };
  for (const status of statuses) answer(one, status);
  return one;
}

/** As {@link client}, with all it did until now forgotten. */
function quietClient(method: string, statuses: number[], protocol?: Protocol): Client {
  const one = client(method, statuses, protocol);
  arrived(one);
  heard(one);
  return one;
}

/** The peer answers. */
function answer(one: Client, status: number): void {
  const response = createResponse(one.request, status, { toTag: "peer" });
  one.s.say(response);
}

const inviteStates: Record<string, number[]> = { calling: [], proceeding: [180], completed: [486], accepted: [200] };

machine<Client>({
  file: "transaction/inviteClient.ts",
  className: "InviteClientTransaction",
  states: ["calling", "proceeding", "completed", "accepted", "terminated"],
  reach: (state) => (state === "start" ? client("INVITE", []) : quietClient("INVITE", inviteStates[state] ?? [])),
  state: ({ tx }) => tx.state,
  rows: [
    {
      from: "start",
      to: "calling",
      on: "INVITE sent",
      run: (one) => expect(arrived(one)).toEqual(["INVITE"]),
    },
    {
      from: "calling",
      to: "calling",
      on: "timer A: send again",
      run(one) {
        const times: number[] = [];
        for (let at = 500; at <= 7500; at += 500) {
          one.s.clock.advance(500);
          if (arrived(one).length > 0) times.push(at);
        }
        expect(times).toEqual([500, 1500, 3500, 7500]);
      },
    },
    {
      from: "calling",
      to: "terminated",
      on: "timer B, no way: tell",
      run(one) {
        one.s.clock.advance(31_999);
        expect(one.tx.state).toBe("calling");
        one.s.clock.advance(1);
        expect(heard(one)).toEqual(["timeout"]);
      },
    },
    {
      from: "calling",
      to: "terminated",
      on: "no way: tell",
      run(one) {
        one.s.wire.cut();
        one.s.clock.advance(500);
        expect(heard(one)).toEqual(["transport"]);
      },
    },
    {
      from: "calling",
      to: "proceeding",
      on: "1xx: tell",
      run(one) {
        answer(one, 100);
        expect(heard(one)).toEqual(["100"]);
        one.s.clock.advance(60_000);
        expect(arrived(one), "timers A and B have ended").toEqual([]);
      },
    },
    ...["calling", "proceeding"].flatMap((from) => [
      {
        from,
        to: "completed",
        on: "3xx-6xx: ACK, tell",
        run(one: Client) {
          answer(one, 486);
          expect(arrived(one)).toEqual(["ACK"]);
          expect(heard(one)).toEqual(["486"]);
        },
      },
      {
        from,
        to: "accepted",
        on: "2xx: tell",
        run(one: Client) {
          answer(one, 200);
          expect(arrived(one), "its ACK is the user's").toEqual([]);
          expect(heard(one)).toEqual(["200"]);
        },
      },
    ]),
    {
      from: "proceeding",
      to: "proceeding",
      on: "1xx: tell, timer C anew",
      run(one) {
        one.s.clock.advance(184_000);
        answer(one, 183);
        expect(heard(one)).toEqual(["183"]);
        one.s.clock.advance(184_999);
        expect(arrived(one)).toEqual([]);
        one.s.clock.advance(1);
        expect(arrived(one), "timer C").toEqual(["CANCEL"]);
      },
    },
    {
      from: "proceeding",
      to: "terminated",
      on: "CANCEL unanswered, no way: tell",
      run(one) {
        one.tx.cancel();
        one.s.clock.advance(31_999);
        expect(one.tx.state).toBe("proceeding");
        one.s.clock.advance(1);
        expect(heard(one)).toEqual(["timeout"]);
      },
    },
    {
      from: "proceeding",
      to: "terminated",
      on: "no way: tell",
      run(one) {
        one.s.layer.hopClosed(one.s.wire.left);
        expect(heard(one)).toEqual(["transport"]);
      },
    },
    {
      from: "completed",
      to: "completed",
      on: "3xx-6xx: ACK again",
      run(one) {
        answer(one, 486);
        expect(arrived(one)).toEqual(["ACK"]);
        expect(heard(one)).toEqual([]);
      },
    },
    {
      from: "completed",
      to: "terminated",
      on: "timer D (0 if reliable)",
      run(one) {
        one.s.clock.advance(31_999);
        expect(one.tx.state).toBe("completed");
        one.s.clock.advance(1);
        expect(heard(one)).toEqual([]);
        expect(quietClient("INVITE", [486], "WSS").tx.state, "at once").toBe("terminated");
      },
    },
    {
      from: "accepted",
      to: "accepted",
      on: "2xx: tell",
      run(one) {
        answer(one, 200);
        expect(heard(one)).toEqual(["200"]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "timer M",
      run(one) {
        one.s.clock.advance(31_999);
        expect(one.tx.state).toBe("accepted");
        one.s.clock.advance(1);
        expect(one.s.layer.size).toBe(0);
      },
    },
  ],
});

const otherStates: Record<string, number[]> = { trying: [], proceeding: [100], completed: [200] };

machine<Client>({
  file: "transaction/nonInviteClient.ts",
  className: "NonInviteClientTransaction",
  states: ["trying", "proceeding", "completed", "terminated"],
  reach: (state) => (state === "start" ? client("OPTIONS", []) : quietClient("OPTIONS", otherStates[state] ?? [])),
  state: ({ tx }) => tx.state,
  rows: [
    {
      from: "start",
      to: "trying",
      on: "request sent",
      run: (one) => expect(arrived(one)).toEqual(["OPTIONS"]),
    },
    {
      from: "trying",
      to: "trying",
      on: "timer E: send again",
      run(one) {
        const times: number[] = [];
        for (let at = 500; at <= 16_000; at += 500) {
          one.s.clock.advance(500);
          if (arrived(one).length > 0) times.push(at);
        }
        expect(times).toEqual([500, 1500, 3500, 7500, 11_500, 15_500]);
      },
    },
    ...["trying", "proceeding"].flatMap((from) => [
      {
        from,
        to: "terminated",
        on: "timer F, no way: tell",
        run(one: Client) {
          one.s.clock.advance(31_999);
          expect(one.tx.state).toBe(from);
          one.s.clock.advance(1);
          expect(heard(one)).toEqual(["timeout"]);
        },
      },
      {
        from,
        to: "terminated",
        on: "no way: tell",
        run(one: Client) {
          one.s.wire.cut();
          one.s.clock.advance(4000);
          expect(heard(one)).toEqual(["transport"]);
        },
      },
      {
        from,
        to: "terminated",
        on: "given up",
        run(one: Client) {
          one.tx.giveUp();
          answer(one, 200);
          one.s.clock.advance(32_000);
          expect([arrived(one), heard(one), one.s.clock.pending]).toEqual([[], [], 0]);
        },
      },
      {
        from,
        to: "completed",
        on: "200-699: tell",
        run(one: Client) {
          answer(one, 404);
          expect(heard(one)).toEqual(["404"]);
          answer(one, 404);
          expect(heard(one), "told once").toEqual([]);
          one.s.clock.advance(4999);
          expect(arrived(one)).toEqual([]);
        },
      },
    ]),
    {
      from: "trying",
      to: "proceeding",
      on: "1xx: tell",
      run(one) {
        answer(one, 100);
        expect(heard(one)).toEqual(["100"]);
      },
    },
    {
      from: "proceeding",
      to: "proceeding",
      on: "1xx: tell",
      run(one) {
        answer(one, 199);
        expect(heard(one)).toEqual(["199"]);
      },
    },
    {
      from: "proceeding",
      to: "proceeding",
      on: "timer E, now T2: send again",
      run(one) {
        one.s.clock.advance(500);
        arrived(one);
        one.s.clock.advance(3999);
        expect(arrived(one)).toEqual([]);
        one.s.clock.advance(1);
        expect(arrived(one)).toEqual(["OPTIONS"]);
      },
    },
    {
      from: "completed",
      to: "terminated",
      on: "timer K (0 if reliable)",
      run(one) {
        one.s.clock.advance(4999);
        expect(one.tx.state).toBe("completed");
        one.s.clock.advance(1);
        expect(quietClient("OPTIONS", [200], "WSS").tx.state, "at once").toBe("terminated");
      },
    },
  ],
});

/** A server transaction whose user has answered with these. */
function server(method: string, statuses: number[], protocol: Protocol = "UDP"): Server {
  const s = stage({ protocol });
  s.say(peerRequest(method));
  const [tx] = s.requests;
  for (const status of statuses) tx?.reply(status);
  const one = { s, tx };
  arrived(one);
  return one;
}

/** The peer's request again, or its ACK. */
function again(one: Server, method: string): string[] {
  one.s.say(peerRequest(method));
  return arrived(one);
}

const inviteServerStates: Record<string, number[]> = { proceeding: [], completed: [486], accepted: [200] };

machine<Server>({
  file: "transaction/inviteServer.ts",
  className: "InviteServerTransaction",
  states: ["proceeding", "completed", "confirmed", "accepted", "terminated"],
  reach(state) {
    if (state === "start") return { s: stage(), tx: undefined };
    if (state !== "confirmed") return server("INVITE", inviteServerStates[state] ?? []);
    const one = server("INVITE", [486]);
    again(one, "ACK");
    return one;
  },
  state: ({ s, tx }) => (tx ?? s.requests[0])?.state,
  rows: [
    {
      from: "start",
      to: "proceeding",
      on: "INVITE",
      run(one) {
        one.s.say(peerRequest("INVITE"));
        expect(one.s.requests).toHaveLength(1);
      },
    },
    {
      from: "proceeding",
      to: "proceeding",
      on: "INVITE: last 1xx again",
      run(one) {
        expect(again(one, "INVITE"), "none yet").toEqual([]);
        one.tx?.reply(180);
        arrived(one);
        expect(again(one, "INVITE")).toEqual(["180"]);
        expect(one.s.requests).toHaveLength(1);
      },
    },
    {
      from: "proceeding",
      to: "proceeding",
      on: "1xx from user: send",
      run(one) {
        one.tx?.reply(183);
        expect(arrived(one)).toEqual(["183"]);
        one.s.clock.advance(1000);
        expect(arrived(one), "no 100 after it").toEqual([]);
      },
    },
    {
      from: "proceeding",
      to: "proceeding",
      on: "200 ms of silence: 100",
      run(one) {
        one.s.clock.advance(199);
        expect(arrived(one)).toEqual([]);
        one.s.clock.advance(1);
        expect(arrived(one)).toEqual(["100"]);
      },
    },
    {
      from: "proceeding",
      to: "completed",
      on: "3xx-6xx: send",
      run(one) {
        one.tx?.reply(603);
        expect(arrived(one)).toEqual(["603"]);
      },
    },
    {
      from: "proceeding",
      to: "accepted",
      on: "2xx: send",
      run(one) {
        one.tx?.reply(200);
        expect(arrived(one)).toEqual(["200"]);
      },
    },
    {
      from: "completed",
      to: "completed",
      on: "INVITE, timer G: send again",
      run(one) {
        expect(again(one, "INVITE")).toEqual(["486"]);
        const times: number[] = [];
        for (let at = 500; at <= 12_000; at += 500) {
          one.s.clock.advance(500);
          if (arrived(one).length > 0) times.push(at);
        }
        expect(times).toEqual([500, 1500, 3500, 7500, 11_500]);
        const reliable = server("INVITE", [486], "WSS");
        reliable.s.clock.advance(30_000);
        expect(arrived(reliable), "no timer G on a reliable way").toEqual([]);
      },
    },
    {
      from: "completed",
      to: "confirmed",
      on: "ACK",
      run(one) {
        expect(again(one, "ACK")).toEqual([]);
        expect(one.s.acks).toEqual([]);
        one.s.clock.advance(4999);
        expect(arrived(one)).toEqual([]);
      },
    },
    {
      from: "completed",
      to: "terminated",
      on: "timer H: tell",
      run(one) {
        let told = 0;
        if (one.tx) one.tx.onTimeout = () => void told++;
        one.s.clock.advance(31_999);
        expect([one.tx?.state, told]).toEqual(["completed", 0]);
        one.s.clock.advance(1);
        expect(told).toBe(1);
      },
    },
    {
      from: "confirmed",
      to: "terminated",
      on: "timer I (0 if reliable)",
      run(one) {
        one.s.clock.advance(4999);
        expect([one.tx?.state, again(one, "ACK")]).toEqual(["confirmed", []]);
        one.s.clock.advance(1);
        const reliable = server("INVITE", [486], "WSS");
        again(reliable, "ACK");
        expect(reliable.tx?.state, "at once").toBe("terminated");
      },
    },
    {
      from: "accepted",
      to: "accepted",
      on: "INVITE: nothing",
      run: (one) => expect(again(one, "INVITE")).toEqual([]),
    },
    {
      from: "accepted",
      to: "accepted",
      on: "ACK: to user",
      run(one) {
        again(one, "ACK");
        expect(one.s.acks).toHaveLength(1);
      },
    },
    {
      from: "accepted",
      to: "accepted",
      on: "2xx: send again",
      run(one) {
        one.tx?.reply(200);
        one.tx?.reply(486);
        expect(arrived(one), "and nothing else").toEqual(["200"]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "timer L",
      run(one) {
        one.s.clock.advance(31_999);
        expect(one.tx?.state).toBe("accepted");
        one.s.clock.advance(1);
        expect(one.s.layer.size).toBe(0);
      },
    },
  ],
});

machine<Server>({
  file: "transaction/nonInviteServer.ts",
  className: "NonInviteServerTransaction",
  states: ["trying", "proceeding", "completed", "terminated"],
  reach: (state) => (state === "start" ? { s: stage(), tx: undefined } : server("OPTIONS", otherStates[state] ?? [])),
  state: ({ s, tx }) => (tx ?? s.requests[0])?.state,
  rows: [
    {
      from: "start",
      to: "trying",
      on: "request",
      run(one) {
        one.s.say(peerRequest("OPTIONS"));
        expect(again(one, "OPTIONS"), "a repetition is not answered").toEqual([]);
        expect(one.s.requests).toHaveLength(1);
      },
    },
    ...["trying", "proceeding"].flatMap((from) => [
      {
        from,
        to: "completed",
        on: "200-699: send",
        run(one: Server) {
          one.tx?.reply(200);
          one.tx?.reply(500);
          expect(arrived(one), "one final response").toEqual(["200"]);
        },
      },
      {
        from,
        to: "terminated",
        on: "no answer in 64*T1: tell",
        run(one: Server) {
          let told = 0;
          if (one.tx) one.tx.onTimeout = () => void told++;
          one.s.clock.advance(31_999);
          expect([one.tx?.state, told]).toEqual([from, 0]);
          one.s.clock.advance(1);
          one.tx?.reply(200);
          expect([told, arrived(one)]).toEqual([1, []]);
        },
      },
      {
        from,
        to: "proceeding",
        on: "1xx: send",
        run(one: Server) {
          one.tx?.reply(199);
          expect(arrived(one)).toEqual(["199"]);
        },
      },
    ]),
    {
      from: "proceeding",
      to: "proceeding",
      on: "request: last 1xx again",
      run: (one) => expect(again(one, "OPTIONS")).toEqual(["100"]),
    },
    {
      from: "completed",
      to: "completed",
      on: "request: final response again",
      run: (one) => expect(again(one, "OPTIONS")).toEqual(["200"]),
    },
    {
      from: "completed",
      to: "terminated",
      on: "timer J (0 if reliable)",
      run(one) {
        one.s.clock.advance(31_999);
        expect(one.tx?.state).toBe("completed");
        one.s.clock.advance(1);
        expect(server("OPTIONS", [200], "WSS").tx?.state, "at once").toBe("terminated");
      },
    },
  ],
});
