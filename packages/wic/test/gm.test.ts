import { parseNameAddr } from "@portico/sip";
import type { InviteUsage, ServerTransaction, SipRequest } from "@portico/sip";
import { describe, expect, test } from "vitest";
import type { Call, ImsClient } from "../src/index.ts";
import { impu, reginfo, tel, temporaryGruu, World } from "./world.ts";

// What TS 24.229 §5.1 asks of a UE on Gm and the profile of W2 keeps (docs/w2-profile.md), as far as no row of its own has it.

const contact: [string, string] = ["Contact", "<sip:session@epcscf.ims.test:443;transport=ws>"];
const contactOf = (world: World): string => /<([^>]+)>/.exec(world.last("REGISTER").get("Contact") ?? "")?.[1] ?? "";

/** A call, and the far side that has got its INVITE; what ended it there. */
async function dialled(
  world: World,
  phone: ImsClient,
): Promise<{ call: Call; callee: InviteUsage; ends: SipRequest[] }> {
  const { promise, resolve } = Promise.withResolvers<InviteUsage>();
  const ends: SipRequest[] = [];
  world.onInvite = (tx) =>
    resolve(
      world.agent.accept(tx, {
        cancelled: (cancel) => void ends.push(cancel),
        ended: ({ message }) => message !== undefined && "method" in message && void ends.push(message),
        request: (inside) => inside.reply(200),
      }),
    );
  const call = phone.call("+12025550110");
  await world.clock.settle(300);
  return { call, callee: await promise, ends };
}

/** The network answers each INVITE so. @returns the call, once it has */
async function refused(world: World, answer: (tx: ServerTransaction) => void): Promise<Call> {
  const phone = await world.registered();
  world.onInvite = answer;
  const call = phone.call("+12025550110");
  await world.clock.settle(300);
  return call;
}

describe("each request has what a UE sends", () => {
  const mmtel = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"';
  const routes = "<sip:epcscf.ims.test:443;transport=ws;lr>, <sip:orig@scscf.ims.test:5060;lr>";

  test("WIC-04a REGISTER: home domain, IMPU, instance, reg-id, ICSI, the media it streams, Supported, 600 000 s (§5.1.1.2)", async () => {
    const world = new World();
    await world.registered();
    const register = world.last("REGISTER");
    expect([register.uri, register.from.uri, register.to.uri]).toEqual(["sip:ims.test", impu, impu]);
    const { params } = parseNameAddr(register.get("Contact") ?? "");
    expect([...params.keys()].toSorted()).toEqual(
      ["+g.3gpp.icsi-ref", "+sip.instance", "audio", "expires", "reg-id"].toSorted(),
    );
    expect(register.get("Contact")).toContain(mmtel);
    expect(register.list("Supported")).toEqual(["path", "gruu", "outbound"]);
    expect([register.get("Expires"), register.get("Max-Forwards")]).toEqual(["600000", "70"]);
    expect(register.has("Route")).toBe(false);
  });

  test("WIC-04a SUBSCRIBE: default identity, longer than the registration, preloaded Route, GRUU with ob (§5.1.1.3)", async () => {
    const world = new World();
    await world.registered();
    const subscribe = world.last("SUBSCRIBE");
    expect([subscribe.uri, subscribe.from.uri, subscribe.to.uri]).toEqual([impu, impu, impu]);
    expect(Number(subscribe.get("Expires"))).toBeGreaterThan(world.granted);
    expect(subscribe.list("Route").join(", ")).toBe(routes);
    expect(subscribe.get("P-Preferred-Identity")).toBe(`<${impu}>`);
    expect(subscribe.get("Contact")).toContain(`<${impu};gr=urn:uuid:x;ob>`);
  });

  test("WIC-04a INVITE: Route, identity and service preferred, ICSI, early media, 100rel, timer, both bodies accepted (§5.1.2A, §5.1.3)", async () => {
    const world = new World();
    const { callee } = await dialled(world, await world.registered());
    const { invite } = callee;
    expect(invite.list("Route").join(", ")).toBe(routes);
    expect(invite.get("P-Preferred-Identity")).toBe(`<tel:${tel}>`);
    expect(invite.get("P-Preferred-Service")).toBe("urn:urn-7:3gpp-service.ims.icsi.mmtel");
    expect(invite.get("Accept-Contact")).toBe(`*;${mmtel}`);
    expect(invite.get("Contact")).toBe(`<${impu};gr=urn:uuid:x;ob>;${mmtel}`);
    expect(invite.get("P-Early-Media")).toBe("supported");
    expect(invite.list("Supported")).toEqual(expect.arrayContaining(["100rel", "timer"]));
    expect(invite.list("Accept")).toEqual(["application/sdp", "application/3gpp-ims+xml"]);
    expect(invite.get("Session-Expires")).toBe("1800");
  });
});

test("WIC-04b what the profile leaves out is in no message of a whole life", async () => {
  const world = new World();
  const phone = await world.registered();
  const first = await dialled(world, phone);
  first.callee.accept({
    headers: [contact],
    body: { type: "application/sdp", text: world.sdp("sendrecv", "passive") },
  });
  await world.clock.settle(50);
  first.call.hangUp();
  phone.on("incoming", (call) => call.answer());
  const caller = world.call({ accepted: () => caller.ack() });
  await world.clock.settle(300);
  const out = phone.logOut();
  await world.clock.settle(100);
  await out;
  expect(world.log).toEqual(expect.arrayContaining(["REGISTER", "SUBSCRIBE", "INVITE", "ACK", "BYE", "180", "200"]));
  for (const { raw } of world.sent) {
    expect(raw).not.toMatch(
      /^(Security-\w+|Proxy-Require|P-Access-Network-Info|Geolocation|P-Asserted-\w+|P-Visited-\S+):/im,
    );
    expect(raw).not.toMatch(/sec-agree|precondition|comp=sigcomp|a=(curr|des|conf):qos/i);
  }
});

describe("a REGISTER that this eP-CSCF cannot get through (§5.1.1.2.1)", () => {
  for (const [status, headers, least] of [
    [305, [], 500],
    [408, [], 500],
    [500, [], 500],
    [504, [], 500],
    [503, [["Retry-After", "20"]], 20_000],
  ] as [number, [string, string][], number][]) {
    test(`WIC-04c ${status}: not before ${least} ms, and at the next eP-CSCF of the list`, async () => {
      const world = new World();
      world.tokens = () => Promise.resolve({ wss: ["wss://one.ims.test/", "wss://two.ims.test/"] });
      world.onRegister = (tx) => tx.reply(status, { headers });
      const phone = world.client();
      void phone.start();
      await world.clock.settle(least - 1);
      expect(world.sockets.map(({ url }) => url)).toEqual(["wss://one.ims.test/"]);
      world.onRegister = (tx) => world.grant(tx);
      await world.clock.settle(1_200);
      expect(world.sockets.map(({ url }) => url)).toEqual(["wss://one.ims.test/", "wss://two.ims.test/"]);
      expect(phone.state).toBe("registered");
    });
  }
});

const restoration = (asserted: string, action = "initial-registration") => ({
  headers: [["P-Asserted-Identity", `<${asserted}>`]] as [string, string][],
  body: {
    type: "application/3gpp-ims+xml",
    text: `<?xml version="1.0"?>
<ims-3gpp version="1"><alternative-service><type>restoration</type><reason>S-CSCF lost</reason>
<action>${action}</action></alternative-service></ims-3gpp>`,
  },
});

describe("a 504 to an initial request that asks for restoration (§5.1.2A.1.6)", () => {
  test.each(["sip:epcscf.ims.test:443", "sip:scscf.ims.test:5060"])(
    "WIC-04d of %s: an initial registration on the same flow, then the call once more, along the new Service-Route",
    async (asserted) => {
      const world = new World();
      let lost = true;
      world.registerHeaders = [];
      const call = await refused(world, (tx) => {
        if (lost) {
          lost = false;
          world.onRegister = (register) => {
            world.registerHeaders = [["Service-Route", "<sip:orig@scscf2.ims.test:5060;lr>"]];
            world.grant(register);
          };
          return tx.reply(504, restoration(asserted));
        }
        return tx.reply(486);
      });
      expect(world.log.filter((each) => each !== "ACK")).toEqual([
        "REGISTER",
        "SUBSCRIBE",
        "INVITE",
        "REGISTER",
        "SUBSCRIBE",
        "INVITE",
      ]);
      expect(world.last("INVITE").list("Route").at(-1)).toBe("<sip:orig@scscf2.ims.test:5060;lr>");
      expect(world.sockets.length).toBe(1);
      expect(call.end?.cause).toBe("busy");
    },
  );

  test("WIC-04d once: a network that stays lost ends the call", async () => {
    const world = new World();
    const call = await refused(world, (tx) => tx.reply(504, restoration("sip:epcscf.ims.test")));
    expect([world.requests("INVITE").length, world.requests("REGISTER").length]).toEqual([2, 2]);
    expect(call.end?.cause).toBe("network");
  });

  test.each([
    ["of somebody else", restoration("sip:evil.example")],
    ["that names no one", { ...restoration("sip:epcscf.ims.test"), headers: [] }],
    ["for something else", restoration("sip:epcscf.ims.test", "emergency-registration")],
    ["without its body", { headers: restoration("sip:epcscf.ims.test").headers }],
  ])("WIC-04d one %s changes nothing", async (_, options) => {
    const world = new World();
    const call = await refused(world, (tx) => tx.reply(504, options));
    expect([world.requests("INVITE").length, world.requests("REGISTER").length]).toEqual([1, 1]);
    expect(call.end?.cause).toBe("network");
  });
});

test.each([
  [302, [["Contact", "<sip:+12025550199@premium.example>"]]],
  [305, [["Contact", "<sip:proxy.evil.example>"]]],
  [503, [["Retry-After", "1"]]],
] as [number, [string, string][]][])(
  "WIC-04e a %s to an INVITE ends the call: nothing is called without the user",
  async (status, headers) => {
    const world = new World();
    const call = await refused(world, (tx) => tx.reply(status, { headers }));
    await world.clock.settle(60_000);
    expect(world.requests("INVITE").length).toBe(1);
    expect(call.end).toMatchObject({ status });
  },
);

const subscribes = (world: World): number[] =>
  world.sent.flatMap(({ message, at }) => ("method" in message && message.method === "SUBSCRIBE" ? at : []));

describe("the reg-event subscription (§5.1.1.3, §5.1.2.2)", () => {
  test("WIC-04f refused for a while: Retry-After is waited for; refused for good: no other try", async () => {
    const world = new World();
    world.onSubscribe = (tx) => tx.reply(503, { headers: [["Retry-After", "30"]] });
    await world.registered();
    world.onSubscribe = (tx) => tx.reply(403);
    await world.clock.settle(120_000);
    const [first = 0, second = 0, ...more] = subscribes(world);
    expect(second - first).toBeGreaterThanOrEqual(30_000);
    expect(more).toEqual([]);
  });

  test("WIC-04f a core that never takes it is asked a few times only", async () => {
    const world = new World();
    world.onSubscribe = (tx) => tx.reply(500);
    const phone = await world.registered();
    await world.clock.settle(250_000);
    expect(subscribes(world).length).toBe(6);
    expect(phone.state).toBe("registered");
  });

  test("WIC-04f ended by the network for its own reasons: made anew", async () => {
    const world = new World();
    await world.registered();
    await world.notify(reginfo(contactOf(world)), [["Subscription-State", "terminated;reason=deactivated"]]);
    await world.clock.settle(1_500);
    expect(subscribes(world).length).toBe(2);
    expect(world.requests("REGISTER").length).toBe(1);
    expect(await world.notify(reginfo(contactOf(world)))).toBe(200);
  });

  test("WIC-04g an identity that the network has ended is not preferred any more, until it is told or granted again", async () => {
    const world = new World();
    const phone = await world.registered();
    const preferred = async (): Promise<string | undefined> => {
      await dialled(world, phone);
      return world.last("INVITE").get("P-Preferred-Identity");
    };
    const told = (state: string): string =>
      reginfo(contactOf(world)).replace('id="a2" state="active"', `id="a2" state="${state}"`);
    expect(await preferred()).toBe(`<tel:${tel}>`);
    await world.notify(told("terminated"));
    expect(phone.identity?.associated).toEqual([impu]);
    expect(await preferred()).toBe(`<${impu}>`);
    await world.notify(told("active"));
    expect(await preferred()).toBe(`<tel:${tel}>`);
    await world.notify(told("terminated"));
    await world.clock.settle(310_000);
    expect(phone.identity?.associated).toEqual([impu, `tel:${tel}`]);
  });
});

describe("the end of a call tells why (§7.2A.18.11)", () => {
  const users = 'RELEASE_CAUSE;cause=1;text="User ends call"';

  test("WIC-04h CANCEL and BYE of the user", async () => {
    const world = new World();
    const phone = await world.registered();
    const early = await dialled(world, phone);
    early.callee.progress(180, { headers: [contact] });
    await world.clock.settle(10);
    early.call.hangUp();
    await world.clock.settle(10);
    expect(world.last("CANCEL").get("Reason")).toBe(users);
    const { call, callee, ends } = await dialled(world, phone);
    callee.accept({ headers: [contact], body: { type: "application/sdp", text: world.sdp("sendrecv", "passive") } });
    await world.clock.settle(10);
    call.hangUp();
    await world.clock.settle(10);
    expect(ends.map((bye) => [bye.method, bye.get("Reason")])).toEqual([["BYE", users]]);
  });

  test("WIC-04h BYE after the voice connection was lost", async () => {
    const world = new World();
    const { callee, ends } = await dialled(world, await world.registered());
    callee.accept({ headers: [contact], body: { type: "application/sdp", text: world.sdp("sendrecv", "passive") } });
    await world.clock.settle(10);
    world.peer.becomes("failed");
    await world.clock.settle(10);
    expect(ends[0]?.get("Reason")).toBe('RELEASE_CAUSE;cause=3;text="Media bearer loss"');
  });
});

test("WIC-04i who hides gives a temporary GRUU as her Contact, from the INVITE to the end of the dialog (§5.1.2A.1.1)", async () => {
  const world = new World();
  const { call, callee } = await dialled(world, await world.registered({ hideIdentity: true }));
  expect(callee.invite.get("Contact")).toContain(`<${temporaryGruu};ob>`);
  callee.accept({ headers: [contact], body: { type: "application/sdp", text: world.sdp("sendrecv", "passive") } });
  await world.clock.settle(10);
  void call.hold().catch(() => undefined);
  await world.clock.settle(50);
  expect(world.requests("INVITE").length).toBe(2);
  for (const { raw } of world.sent.filter(({ message }) => message.callId === callee.invite.callId)) {
    expect(
      raw
        .split("\r\n")
        .filter((line) => /^(From|Contact|To):/.test(line))
        .join("\n"),
    ).not.toContain("u0001");
  }
});

test.each([
  ["+1 (202) 555-0110", "tel:+12025550110"],
  ["4711", "tel:4711;phone-context=ims.test"],
  ["*21#", "tel:*21%23;phone-context=ims.test"],
  ["ken@acme.ims.test", "sip:ken@acme.ims.test"],
])("WIC-04j %s is sent as %s (§5.1.2A.1.2 to 1.5)", async (text, uri) => {
  const world = new World();
  const phone = await world.registered();
  phone.call(text);
  await world.clock.settle(300);
  expect([world.last("INVITE").uri, world.last("INVITE").to.uri]).toEqual([uri, uri]);
});
