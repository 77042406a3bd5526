import type { ServerTransaction } from "@portico/sip";
import { expect, test } from "vitest";
import { impu, tel, World } from "./world.ts";

const challenge = (server: string): [string, string][] => [
  [
    "WWW-Authenticate",
    `Bearer realm="ims.test", authz_server="${server}", scope="ims.register", error="invalid_token"`,
  ],
];

test("WIC-05a WIC-05d WIC-03a REGISTER names home domain, IMPU, instance and service", async () => {
  const world = new World();
  await world.registered();
  expect(world.states).toEqual([
    ["connecting", undefined],
    ["registered", undefined],
  ]);
  const register = world.last("REGISTER");
  expect(register.uri).toBe("sip:ims.test");
  expect(register.from.uri).toBe(impu);
  expect(register.to.uri).toBe(impu);
  expect(register.topVia.host).toMatch(/^[a-z0-9]{12}\.invalid$/);
  expect(register.topVia.protocol).toBe("WSS");
  const contact = register.get("Contact") ?? "";
  expect(contact).toContain(`@${register.topVia.host};transport=ws>`);
  expect(contact).toMatch(/;reg-id=1;/);
  expect(contact).toMatch(/\+sip\.instance="<urn:uuid:[0-9a-f-]{36}>"/);
  expect(contact).toContain('+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"');
  expect(register.list("Supported")).toEqual(["path", "gruu", "outbound"]);
  expect(register.get("Expires")).toBe("600000");
  expect(register.get("Authorization")).toBe("Bearer token-1");
});

test("WIC-03b responses need no received parameter", async () => {
  const world = new World();
  await world.registered();
  const [answer = ""] = world.delivered;
  expect(answer).toMatch(/^SIP\/2\.0 200 /);
  expect(answer).not.toContain("received=");
});

test("WIC-08b a 401 of a trusted server fetches a fresh token, once", async () => {
  const world = new World();
  world.onRegister = (tx) =>
    tx.request.get("Authorization") === "Bearer token-2"
      ? world.grant(tx)
      : tx.reply(401, { headers: challenge("https://waf.ims.test/acme") });
  await world.registered({ trustedAuthorizationServers: ["https://waf.ims.test/acme"] });
  expect(world.requests("REGISTER").map((each) => [each.cseq.number, each.get("Authorization")])).toEqual([
    [1, "Bearer token-1"],
    [2, "Bearer token-2"],
  ]);
  expect(world.tokensAsked).toBe(2);
});

test("WIC-08b a fresh token that is refused too ends the client with a reason", async () => {
  const world = new World();
  world.onRegister = (tx) => tx.reply(401, { headers: challenge("https://waf.ims.test/acme") });
  const phone = world.client();
  const started = phone.start();
  void started.catch(() => undefined);
  await world.clock.settle(100);
  await expect(started).rejects.toMatchObject({ code: "wic/not-authorized", status: 401, fatal: true });
  expect(world.requests("REGISTER").length).toBe(2);
  expect(world.states.at(-1)).toEqual(["ended", "wic/not-authorized"]);
});

test.each([
  ["a server that is not on the list", "https://evil.test/", ["https://waf.ims.test/acme"]],
  ["a server without https", "http://waf.ims.test/acme", undefined],
])("WIC-08a a challenge of %s fetches nothing", async (_, server, trusted) => {
  const world = new World();
  world.onRegister = (tx) => tx.reply(401, { headers: challenge(server) });
  const phone = world.client(trusted === undefined ? {} : { trustedAuthorizationServers: trusted });
  void phone.start().catch(() => undefined);
  await world.clock.settle(100);
  expect(world.tokensAsked).toBe(1);
  expect(world.states.at(-1)).toEqual(["ended", "wic/not-authorized"]);
});

test("WIC-10 an interval above 1200 s is renewed 600 s before its end, a shorter one at half time", async () => {
  for (const [granted, after] of [
    [3600, 3_000_000],
    [1201, 601_000],
    [1200, 600_000],
    [600, 300_000],
  ] as const) {
    const world = new World();
    world.granted = granted;
    world.tokenLife = 86_400;
    await world.registered();
    await world.clock.settle(after - 1_000);
    expect(world.requests("REGISTER").length).toBe(1);
    await world.clock.settle(2_000);
    expect(world.requests("REGISTER").length).toBe(2);
    expect(world.states.length).toBe(2);
    expect(world.last("REGISTER").callId).toBe(world.requests("REGISTER")[0]?.callId);
  }
});

test("WIC-09 a new token is fetched before the old one ends and shown by a re-REGISTER on the same flow", async () => {
  const world = new World();
  world.granted = 86_400;
  world.tokenLife = 120;
  await world.registered();
  await world.clock.settle(61_000);
  expect(world.tokensAsked).toBe(2);
  expect(world.last("REGISTER").get("Authorization")).toBe("Bearer token-2");
  expect(world.sockets.length).toBe(1);
  await world.clock.settle(600_000);
  const times = world.sent.flatMap(({ message, at }) => (message.cseq.method === "REGISTER" ? at : []));
  for (const [n, at] of times.entries()) expect(at - (times[n - 1] ?? 0)).toBeLessThan(120_000);
});

test("a token source that fails for a while costs nothing as long as the registration holds", async () => {
  const world = new World();
  world.tokenLife = 600;
  const phone = await world.registered();
  let fails = 3;
  world.tokens = () => (fails-- > 0 ? Promise.reject(new Error("offline")) : Promise.resolve({}));
  await world.clock.settle(590_000);
  expect(phone.state).toBe("registered");
  expect(world.states.length).toBe(2);
  expect(world.tokensAsked).toBeGreaterThanOrEqual(5);
});

test("WIC-11a WIC-11b identities, Service-Route and GRUU are kept; calls go along the portal and the Service-Route", async () => {
  const world = new World();
  const phone = await world.registered();
  expect(phone.identity).toEqual({ impu, tel, displayName: "Mary Jones", associated: [impu, `tel:${tel}`] });
  phone.call("+12025550110");
  await world.clock.settle(300);
  for (const method of ["SUBSCRIBE", "INVITE"]) {
    const request = world.last(method);
    expect(request.list("Route")).toEqual([
      "<sip:epcscf.ims.test:443;transport=ws;lr>",
      "<sip:orig@scscf.ims.test:5060;lr>",
    ]);
    expect(request.get("Contact")).toContain(`<${impu};gr=urn:uuid:x;ob>`);
  }
});

test("423 raises the interval that is asked for", async () => {
  const world = new World();
  world.onRegister = (tx) =>
    tx.request.get("Expires") === "900000" ? world.grant(tx) : tx.reply(423, { headers: [["Min-Expires", "900000"]] });
  await world.registered();
  expect(world.requests("REGISTER").map((each) => each.get("Expires"))).toEqual(["600000", "900000"]);
});

test("403 ends the client and tells why", async () => {
  const world = new World();
  world.onRegister = (tx) => tx.reply(403);
  const phone = world.client();
  void phone.start().catch(() => undefined);
  await world.clock.settle(100);
  expect(phone.state).toBe("ended");
  expect(phone.reason).toMatchObject({ code: "wic/registration-refused", status: 403, fatal: true });
  expect(phone.reason?.remedies.length).toBeGreaterThan(0);
});

test("WIC-06 log-out ends calls, de-registers with the same token and instance, and closes", async () => {
  const world = new World();
  const phone = await world.registered();
  const caller = world.call({ accepted: () => caller.ack() });
  phone.on("incoming", (call) => call.answer());
  await world.clock.settle(300);
  expect(phone.calls[0]?.state).toBe("active");
  const first = world.requests("REGISTER")[0];
  world.hint("visible");
  await world.clock.settle(50);
  const out = phone.logOut();
  await world.clock.settle(100);
  await out;
  const last = world.last("REGISTER");
  expect(world.log.slice(-2)).toEqual(["BYE", "REGISTER"]);
  expect(last.get("Expires")).toBe("0");
  expect(last.get("Contact")).toContain("expires=0");
  // The first, the refresh and the de-registration.
  expect(world.requests("REGISTER").map((each) => each.get("Authorization"))).toEqual(
    Array.from({ length: 3 }, () => "Bearer token-1"),
  );
  const instance = /\+sip\.instance="[^"]+"/;
  expect(instance.exec(last.get("Contact") ?? "")?.[0]).toBe(instance.exec(first?.get("Contact") ?? "")?.[0]);
  expect(world.states.at(-1)).toEqual(["ended", "wic/logged-out"]);
  expect(world.socket.closedByPage).toBe(1000);
  expect(world.locks.size).toBe(0);
  await phone.logOut();
  await world.clock.settle(700_000);
  expect(world.sockets.length).toBe(1);
});

test("log-out does not wait for a portal that is gone", async () => {
  const world = new World();
  const phone = await world.registered();
  world.socket.silent = true;
  const out = phone.logOut();
  await world.clock.settle(10_100);
  await out;
  expect(phone.state).toBe("ended");
});

test.each([1001, 1006, 4403])(
  "log-out is over when the portal closes the flow (%d) instead of answering",
  async (code) => {
    const world = new World();
    const phone = await world.registered();
    world.onRegister = () => undefined;
    let over = false;
    const out = phone.logOut().then(() => (over = true));
    await world.clock.settle(10);
    expect(over).toBe(false);
    world.socket.drop(code);
    await world.clock.settle(1);
    expect(over).toBe(true);
    await out;
    expect(world.states.at(-1)).toEqual(["ended", "wic/logged-out"]);
    await world.clock.settle(200_000);
    expect(world.clock.pending).toBe(0);
    expect(world.sockets.length).toBe(1);
  },
);

test("nothing brings the client back while it logs out", async () => {
  const world = new World();
  const phone = await world.registered();
  const open: ServerTransaction[] = [];
  world.onRegister = (tx) => open.push(tx);
  const out = Promise.all([phone.logOut(), phone.logOut()]);
  await world.clock.settle(10);
  world.hint("visible");
  world.socket.drop(1006);
  world.hint("online");
  await world.clock.settle(20_000);
  await out;
  expect(open.map(({ request }) => request.get("Expires"))).toEqual(["0"]);
  expect(world.sockets.length).toBe(1);
  expect(world.states.map(([state]) => state)).toEqual(["connecting", "registered", "ended"]);
});

test("after log-out the client can start again", async () => {
  const world = new World();
  const phone = await world.registered();
  const out = phone.logOut();
  await world.clock.settle(100);
  await out;
  void phone.start();
  await world.clock.settle(100);
  expect(phone.state).toBe("registered");
});

test("log-out during the start wins", async () => {
  const world = new World();
  const phone = world.client();
  const started = phone.start();
  const out = phone.logOut();
  await expect(started).rejects.toMatchObject({ code: "wic/logged-out" });
  await out;
  await world.clock.settle(1_000);
  expect(world.sockets).toEqual([]);
  expect(world.locks.size).toBe(0);
});
