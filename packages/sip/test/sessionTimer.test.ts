import { refreshSession, SessionTimer, SipRequest, SipResponse } from "@portico/sip";
import type { HeaderList } from "@portico/sip";
import { SeededRandom, VirtualClock } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { contact, pair } from "./callHarness.ts";
import { fuzzRuns } from "./fuzzRuns.ts";

const request = (headers: HeaderList): SipRequest => SipRequest.create("INVITE", "sip:ken@acme.ims.test", headers);
const response = (status: number, headers: HeaderList = []): SipResponse => SipResponse.create(status, "", headers);

interface Bench {
  clock: VirtualClock;
  timer: SessionTimer;
  /** Header fields of each refresh with its time in seconds. */
  refreshes: [number, HeaderList][];
  expired: number[];
  /** Answers to the refreshes, in turn; the last one stays. */
  answers: SipResponse[];
}

function bench(o: { interval?: number; least?: number } = {}): Bench {
  const clock = new VirtualClock();
  const refreshes: [number, HeaderList][] = [];
  const expired: number[] = [];
  const answers = [response(200, [["Session-Expires", "600;refresher=uac"]])];
  const timer = new SessionTimer({
    clock,
    ...o,
    refresh: async (headers) => {
      refreshes.push([clock.now() / 1000, headers]);
      return (answers.length > 1 ? answers.shift() : answers[0]) ?? response(500);
    },
    expired: () => void expired.push(clock.now() / 1000),
  });
  return { clock, timer, refreshes, expired, answers };
}

// RFC 4028 §9, table 2.
test.each([
  [false, undefined, "uas"],
  [true, undefined, "uac"],
  [true, "uac", "uac"],
  [true, "uas", "uas"],
  // Who names itself the refresher has session timers, whatever Supported says.
  [false, "uac", "uac"],
])("callee: peer supports timers %s, asks for %s: %s refreshes", (supports, asks, refresher) => {
  const { timer } = bench();
  const headers = timer.asked(
    request([
      ...(supports ? [["Supported", "100rel, timer"] as const] : []),
      ["Session-Expires", `1800${asks === undefined ? "" : `;refresher=${asks}`}`],
    ]),
  );
  expect(timer.agreed).toEqual({ interval: 1800, weRefresh: refresher === "uas" });
  expect(headers).toEqual([
    ["Session-Expires", `1800;refresher=${refresher}`],
    ...(refresher === "uac" ? [["Require", "timer"]] : []),
  ]);
});

test.each([
  ["600;refresher=uac", true],
  ["600;refresher=uas", false],
  ["600 ; REFRESHER = UAS;x=1", false],
  ["600", true],
])("caller: a 2xx with %j", (value, weRefresh) => {
  const { timer } = bench();
  timer.answered(response(200, [["Session-Expires", value]]));
  expect(timer.agreed).toEqual({ interval: 600, weRefresh });
});

test.each(["", "x", "-1", "1 2", ";refresher=uac", "99999999999999"])("no terms in %j: the timer is off", (value) => {
  const { timer, clock } = bench();
  timer.answered(response(200, [["Session-Expires", "600;refresher=uac"]]));
  timer.answered(response(200, [["Session-Expires", value]]));
  expect([timer.agreed, clock.pending, timer.terms()]).toEqual([undefined, 0, []]);
  expect(timer.asked(request([]))).toEqual([]);
});

test("the refresher refreshes at half time, again and again", async () => {
  const { timer, clock, refreshes, expired } = bench();
  timer.answered(response(200, [["Session-Expires", "600;refresher=uac"]]));
  await clock.settle(1_000_000);
  expect(refreshes.map(([at]) => at)).toEqual([300, 600, 900]);
  expect(refreshes[0]?.[1]).toEqual([
    ["Supported", "timer"],
    ["Session-Expires", "600;refresher=uac"],
  ]);
  expect(expired).toEqual([]);
  timer.close();
  timer.close();
  expect(clock.pending).toBe(0);
});

test("a refresh that fails is tried again a quarter later; without success the session ends in time", async () => {
  const { timer, clock, refreshes, expired, answers } = bench();
  answers.splice(0, 1, response(491), response(503), response(500));
  timer.answered(response(200, [["Session-Expires", "600;refresher=uac"]]));
  await clock.settle(1_000_000);
  expect(refreshes.map(([at]) => at)).toEqual([300, 450]);
  expect(expired).toEqual([568]);
  expect(clock.pending).toBe(0);
});

test("the waiting side gives up 32 s or a third before the end (RFC 4028 §10)", () => {
  for (const [interval, end] of [
    [600, 568],
    [90, 60],
  ] as const) {
    const { timer, clock, refreshes, expired } = bench();
    timer.asked(request([["Session-Expires", `${interval};refresher=uac`]]));
    clock.advance(1_000_000);
    expect([refreshes, expired, clock.pending]).toEqual([[], [end], 0]);
  }
});

test("a refresh of the peer gives the session its whole time again", () => {
  const { timer, clock, expired } = bench();
  timer.asked(request([["Session-Expires", "600;refresher=uac"]]));
  clock.advance(500_000);
  timer.asked(request([["Session-Expires", "600;refresher=uac"]]));
  clock.advance(567_000);
  expect(expired).toEqual([]);
  clock.advance(1000);
  expect(expired).toEqual([1068]);
});

test("422 to the INVITE: once more with its Min-SE, and Min-SE said from then on (RFC 4028 §7.3)", async () => {
  const { timer, clock, refreshes } = bench();
  expect(timer.proposal()).toEqual([
    ["Supported", "timer"],
    ["Session-Expires", "1800"],
  ]);
  expect(timer.refused(response(422, [["Min-SE", "3600;x=y"]]))).toEqual([
    ["Supported", "timer"],
    ["Session-Expires", "3600"],
    ["Min-SE", "3600"],
  ]);
  timer.answered(response(200, [["Session-Expires", "3600;refresher=uac"]]));
  expect(timer.terms()).toEqual([
    ["Session-Expires", "3600;refresher=uac"],
    ["Min-SE", "3600"],
  ]);
  await clock.settle(1_800_000);
  expect(refreshes[0]?.[1]).toContainEqual(["Min-SE", "3600"]);
});

test.each([
  [486, "3600"],
  [422, undefined],
  [422, "1800"],
  [422, "9999999999"],
])("%i with Min-SE %s is final", (status, least) => {
  const { timer } = bench();
  expect(timer.refused(response(status, least === undefined ? [] : [["Min-SE", least]]))).toBeUndefined();
});

test("422 to a refresh: at once again with the longer interval, no more than that", async () => {
  const { timer, clock, refreshes, answers } = bench();
  const short = response(422, [["Min-SE", "900"]]);
  answers.splice(0, 1, short, short, response(200, [["Session-Expires", "900;refresher=uac"]]));
  timer.answered(response(200, [["Session-Expires", "600;refresher=uac"]]));
  await clock.settle(460_000);
  expect(refreshes.map(([at, headers]) => [at, headers.find(([name]) => name === "Session-Expires")?.[1]])).toEqual(
    [
      [300, "600;refresher=uac"],
      [300, "900;refresher=uac"],
      // The second 422 asks for nothing longer: an ordinary refusal, tried again a quarter of 900 s later.
      [525, "900;refresher=uac"],
    ].filter(([at]) => Number(at) <= 460),
  );
  await clock.settle(100_000);
  expect(timer.agreed).toEqual({ interval: 900, weRefresh: true });
});

test("callee: too short an interval of a peer with timers is to be answered 422, of another is raised", () => {
  const { timer } = bench({ least: 300 });
  const headers: [string, string][] = [["Session-Expires", "120"]];
  expect(timer.tooShort(request([...headers, ["Supported", "timer"]]))).toEqual([["Min-SE", "300"]]);
  expect(timer.tooShort(request(headers))).toBeUndefined();
  expect(
    timer.tooShort(
      request([
        ["Session-Expires", "300"],
        ["Supported", "timer"],
      ]),
    ),
  ).toBeUndefined();
  expect(timer.asked(request(headers))).toEqual([["Session-Expires", "300;refresher=uas"]]);
});

test("an interval beyond what timers can hold is cut", () => {
  const { timer, clock, expired } = bench();
  timer.asked(request([["Session-Expires", "4294967295;refresher=uac"]]));
  expect(timer.agreed?.interval).toBe(2_000_000);
  clock.advance(1_900_000_000);
  expect(expired).toEqual([]);
});

test.each([
  ["INVITE, UPDATE, BYE", "UPDATE", ""],
  ["INVITE, ACK, BYE", "INVITE", "v=0\r\n"],
])(
  "in a call with a peer that allows %s the refresh is an %s; a dead peer's call ends with BYE",
  async (allow, method, body) => {
    const p = pair();
    const seen: [string, string][] = [];
    const ends: string[] = [];
    let timer: SessionTimer | undefined;
    const { callee, caller, heardByCaller } = p.call({
      callee: {
        request: (tx) => {
          seen.push([tx.request.method, tx.request.body]);
          tx.reply(200, { headers: [["Session-Expires", "600;refresher=uac"], ...contact] });
        },
      },
      caller: {
        accepted: (accepted) => {
          caller.ack();
          timer = new SessionTimer({
            clock: p.clock,
            refresh: (headers) =>
              refreshSession(caller, accepted, {
                headers,
                description: () => ({ type: "application/sdp", text: "v=0\r\n" }),
              }),
            expired: () => caller.bye(),
          });
          timer.answered(accepted);
        },
        ended: ({ by }) => {
          ends.push(by);
          timer?.close();
        },
      },
    });
    callee.accept({ headers: [["Allow", allow], ["Session-Expires", "600;refresher=uac"], ...contact] });
    await p.clock.settle(650_000);
    expect(seen).toEqual([
      [method, body],
      [method, body],
    ]);
    expect(caller.state).toBe("confirmed");
    p.wire.lose = () => true;
    await p.clock.settle(1_200_000);
    expect(ends).toEqual(["timeout"]);
    expect(heardByCaller.words.filter((word) => word.startsWith("ended"))).toHaveLength(1);
    expect(p.errors).toEqual([]);
  },
);

test("whatever comes in whatever order: at most one end, two timers, none after the end", async () => {
  for (let seed = 1; seed <= fuzzRuns(100); seed += 1) {
    const random = new SeededRandom(seed);
    const { timer, clock, expired, answers, refreshes } = bench();
    const any = <T>(...of: T[]): T => of[Math.floor(random.next() * of.length)] as T;
    const headers = (): HeaderList => [
      ["Session-Expires", any("90", "600;refresher=uac", "1200;refresher=uas", "5", "x")],
      ["Min-SE", any("90", "700", "4000", "x")],
      ["Supported", any("timer", "")],
    ];
    for (let step = 0; step < 30; step += 1) {
      const before = refreshes.length;
      answers.splice(0, 9, response(any(200, 200, 422, 491, 500), headers()));
      any(
        () => timer.answered(response(200, headers())),
        () => void timer.asked(request(headers())),
        () => void timer.refused(response(422, headers())),
        () => void timer.tooShort(request(headers())),
        () => random.next() < 0.1 && timer.close(),
      )();
      const passed = random.next() * 1_000_000;
      await clock.settle(passed);
      expect({ seed, bounded: clock.pending <= 2, ends: expired.length <= 1 }).toEqual({
        seed,
        bounded: true,
        ends: true,
      });
      // No faster than every 22.5 s (a quarter of the least interval), and once more for a 422.
      expect({ seed, storm: refreshes.length - before > 2 + passed / 11_000 }).toEqual({ seed, storm: false });
      expect({ seed, left: expired.length > 0 && clock.pending > 0 }).toEqual({ seed, left: false });
    }
    timer.close();
    expect({ seed, pending: clock.pending }).toEqual({ seed, pending: 0 });
  }
});
