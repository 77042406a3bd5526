import type { ServerTransaction } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callOut, registered } from "./support/call.ts";
import { grant, impi, openRig, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

let rig: Rig;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

/** The core answers 200 with these header fields instead of its usual ones. */
function grantWith(at: Rig, headers: (contact: string) => [string, string][]): void {
  const answer = grant(at.core);
  at.core.answer = (tx) => {
    const { request } = tx;
    if (request.method !== "REGISTER" || request.get("Expires") === "0") return answer(tx);
    return tx.reply(200, { headers: headers(request.get("Contact") ?? "") });
  };
}

const device = (n: number): { contact: string } => ({
  contact: `<sip:u0042@tab${n}.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:${n}>"`,
});

describe("the granted time", () => {
  const cases: readonly [what: string, headers: (contact: string) => [string, string][], seconds: number][] = [
    [
      "longer than asked",
      (contact) => [["Contact", contact.replace("=600;", "=7200;").replace(/=600$/, "=7200")]],
      7200,
    ],
    ["one second", (contact) => [["Contact", contact.replace(/;expires=\d+/, ";expires=1")]], 1],
    [
      "in Expires alone",
      (contact) => [
        ["Contact", contact.replace(/;expires=\d+/, "")],
        ["Expires", "77"],
      ],
      77,
    ],
    [
      "in Contact before Expires",
      (contact) => [
        ["Contact", contact],
        ["Expires", "77"],
      ],
      600,
    ],
    ["that is no number", (contact) => [["Contact", contact.replace(/;expires=\d+/, ";expires=abc")]], 600],
    ["negative", (contact) => [["Contact", contact.replace(/;expires=\d+/, ";expires=-5")]], 600],
    ["absurd", (contact) => [["Contact", contact.replace(/;expires=\d+/, ";expires=99999999999")]], 600_000],
  ];
  for (const [what, headers, seconds] of cases) {
    test(`EPC-REG-19a ${what}: ${seconds} s, here and for the browser`, async () => {
      grantWith(rig, headers);
      const browser = await rig.connect();
      const response = await browser.register(await rig.token());
      expect(response.list("Contact")[0]).toMatch(new RegExp(`;expires=${seconds}(;|$)`));
      const [view] = rig.node.registrations();
      expect(Math.abs((view?.grantedUntil ?? 0) - Date.now() - seconds * 1000)).toBeLessThan(3000);
    });
  }
});

test("EPC-DER-06 WWSF-06a of time that the core grants beyond the token's the WAF is told, with each refresh; of other time it is not", async () => {
  const browser = await rig.connect();
  const token = await rig.token();
  await browser.register(token);
  await browser.register(token);
  expect(rig.facts).toHaveLength(1);
  expect(rig.facts[0]).not.toHaveProperty("expiresAt");
  grantWith(rig, (contact) => [["Contact", contact.replace(/;expires=\d+/, ";expires=7200")]]);
  for (const count of [2, 3]) {
    await browser.register(token);
    expect(rig.facts).toHaveLength(count);
    expect(Math.abs((rig.facts.at(-1)?.expiresAt ?? 0) - Date.now() - 7_200_000)).toBeLessThan(3000);
  }
});

describe("what a 200 says", () => {
  test("EPC-REG-19a EPC-REG-19b is stored: identities, Service-Route, charging, restrictions; the browser sees no charging", async () => {
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    expect(rig.node.registrations(true)[0]?.network).toEqual({
      impi,
      associated: ["<sip:u0042@acme.ims.test>", "<tel:+12125550142>"],
      serviceRoute: [`<sip:orig@127.0.0.1:${rig.core.endpoint.port};transport=tcp;lr>`],
      outbound: true,
      chargingFunctions: "ccf=192.0.2.5",
      terminatingIoi: "Type 1ims.test",
      scope: ["ims.register", "ims.voice", "ims.message"],
    });
    expect(response.toOctets()).not.toMatch(/P-Charging|ccf=|Type 1/i);
  });

  test("EPC-REG-17b GRUUs reach the browser, with its own Contact", async () => {
    const gruus = ';pub-gruu="sip:u0042@acme.ims.test;gr=urn:uuid:1";temp-gruu="sip:tgruu.7hs@ims.test;gr"';
    grantWith(rig, (contact) => [["Contact", contact + gruus]]);
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    const [contact = ""] = response.list("Contact");
    expect(contact).toContain("<sip:u0042@k3v9q0d1xm.invalid;transport=ws>");
    expect(contact).toContain('pub-gruu="sip:u0042@acme.ims.test;gr=urn:uuid:1"');
    expect(contact).toContain('temp-gruu="sip:tgruu.7hs@ims.test;gr"');
  });

  const sets: readonly [what: string, header: string, asserted: string][] = [
    ["its first is the default", "<sip:u0042@acme.ims.test>, <tel:+12125550142>", "<sip:u0042@acme.ims.test>"],
    ["also where that is a number", "<tel:+12125550142>, <sip:u0042@acme.ims.test>", "<tel:+12125550142>"],
    ["a barred identity is not in it, and is not asserted", "<sip:other@acme.ims.test>", "<sip:other@acme.ims.test>"],
  ];
  for (const [what, header, asserted] of sets) {
    test(`EPC-SES-04b P-Associated-URI: ${what}`, async () => {
      grantWith(rig, (contact) => [
        ["Contact", contact],
        ["P-Associated-URI", header],
      ]);
      const browser = await registered(rig);
      const answer = rig.core.answer;
      rig.core.answer = (tx) => (tx.request.method === "MESSAGE" ? tx.reply(200) : answer(tx));
      await browser.request("MESSAGE", "sip:ken@ims.test", [["P-Preferred-Identity", "<sip:u0042@acme.ims.test>"]]);
      const preferred = header.includes("u0042") ? "<sip:u0042@acme.ims.test>" : asserted;
      expect(rig.core.last("MESSAGE").get("P-Asserted-Identity")).toBe(preferred);
      await browser.request("MESSAGE", "sip:ken@ims.test", []);
      expect(rig.core.last("MESSAGE").get("P-Asserted-Identity")).toBe(asserted);
    });
  }

  test("EPC-REG-23 outbound is in force only where the core says so", async () => {
    grantWith(rig, (contact) => [["Contact", contact]]);
    const browser = await rig.connect();
    const without = await browser.register(await rig.token());
    expect([without.has("Flow-Timer"), without.has("Require")]).toEqual([false, false]);
    rig.core.answer = grant(rig.core);
    const withIt = await browser.register(await rig.token());
    expect([withIt.get("Flow-Timer"), withIt.get("Require")]).toEqual(["120", "outbound"]);
    expect(rig.node.registrations(true)[0]?.network?.outbound).toBe(true);
  });

  test("CHG-01a CHG-01b each REGISTER has an ICID of its own, type 1", async () => {
    const browser = await registered(rig);
    await browser.register(await rig.token());
    const vectors = rig.core.got.flatMap((request) =>
      request.method === "REGISTER" ? request.all("P-Charging-Vector") : [],
    );
    expect(new Set(vectors).size).toBe(2);
    for (const vector of vectors)
      expect(vector).toMatch(/^icid-value="[^"]+";icid-generated-at=127\.0\.0\.1;orig-ioi="Type 1ims\.test"$/);
  });
});

describe("several tabs and devices", () => {
  test("EPC-REG-22 each instance has a Contact of its own with reg-id and Path ob; one that leaves takes no other with it", async () => {
    const pages: Browser[] = [];
    for (let n = 0; n < 3; n += 1) {
      const page = await rig.connect();
      expect((await page.register(await rig.token(), device(n))).status).toBe(200);
      pages.push(page);
    }
    const registers = rig.core.got.filter(({ method }) => method === "REGISTER");
    expect(new Set(registers.map((request) => request.get("Contact")?.split("@")[0])).size).toBe(3);
    for (const request of registers) {
      expect(request.get("Contact")).toContain("reg-id=1");
      expect(request.get("Path")).toContain(";ob>");
    }
    await pages[1]?.register(await rig.token(), { ...device(1), headers: [["Expires", "0"]] });
    expect(rig.node.counts.registrations).toBe(2);
    // The lease has two more tabs: it is not free yet.
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "logout", confirmed: false });
    for (const n of [0, 2]) {
      await pages[n]?.register(await rig.token(), { ...device(n), headers: [["Expires", "0"]] });
    }
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "logout", confirmed: true });
    expect(rig.node.counts.registrations).toBe(0);
  });

  test("EPC-REG-17d no two live flows share a Contact: of one instance's the later takes it over, and the earlier is closed", async () => {
    const contactNow = (): string | undefined => rig.core.last("REGISTER").list("Contact")[0]?.split("@")[0];
    const first = await rig.connect();
    await first.register(await rig.token(), device(1));
    const bound = contactNow();
    const path = rig.core.last("REGISTER").get("Path");
    const second = await rig.connect();
    await second.register(await rig.token(), device(1));
    expect(contactNow()).toBe(bound);
    // RFC 5626 §5.2: the Path tells the flows apart.
    expect(rig.core.last("REGISTER").get("Path")).not.toBe(path);
    expect((await first.closed).code).toBe(4409);
    // Without an instance it is one flow's, for good.
    const bare = { contact: "<sip:u0042@x.invalid;transport=ws>" };
    const contacts: (string | undefined)[] = [bound];
    for (let n = 0; n < 2; n += 1) {
      await (await rig.connect()).register(await rig.token(), bare);
      contacts.push(contactNow());
    }
    expect(new Set(contacts).size).toBe(3);
  });

  test("SEC-01 a token that is in use is refused to another instance, and its owner is served on", async () => {
    const token = await rig.token();
    const owner = await rig.connect();
    await owner.register(token, device(1));
    const thief = await rig.connect();
    const response = await thief.register(token, device(2));
    expect(response.status).toBe(401);
    expect(response.get("WWW-Authenticate")).toContain('error="invalid_token"');
    expect((await owner.register(token, device(1))).status).toBe(200);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("SEC-01 of two instances that show one token at once the second is refused, and the first is served on", async () => {
    const asked: ServerTransaction[] = [];
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? void asked.push(tx) : grant(rig.core)(tx));
    const token = await rig.token();
    const [owner, thief] = [await rig.connect(), await rig.connect()];
    const first = owner.register(token, device(1));
    const tx = await until(() => asked[0]);
    expect((await thief.register(token, device(2))).status).toBe(401);
    rig.core.answer = grant(rig.core);
    rig.core.answer(tx);
    expect((await first).status).toBe(200);
    expect((await owner.register(token, device(1))).status).toBe(200);
    expect(asked).toHaveLength(1);
  });

  test("SEC-01 a page that is loaded anew while the core thinks may show its token again", async () => {
    const asked: ServerTransaction[] = [];
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? void asked.push(tx) : grant(rig.core)(tx));
    const token = await rig.token();
    const before = await rig.connect();
    void before.register(token, device(1)).catch(() => undefined);
    await until(() => asked[0]);
    before.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    rig.core.answer = grant(rig.core);
    expect((await (await rig.connect()).register(token, device(2))).status).toBe(200);
  });

  test("EPC-DER-06 WWSF-04a of two users whose REGISTERs for one identity are on their way at once, one is left registered", async () => {
    const asked: ServerTransaction[] = [];
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? void asked.push(tx) : grant(rig.core)(tx));
    const [former, next] = [await rig.connect(), await rig.connect()];
    const answers = [former.register(await rig.token({ sid: "s1", sub: "p-former" }), device(1))];
    await until(() => asked[0]);
    answers.push(next.register(await rig.token({ sid: "s2", sub: "p-next" }), device(1)));
    await until(() => asked[1]);
    rig.core.answer = grant(rig.core);
    for (const tx of asked) rig.core.answer(tx);
    await Promise.all(answers);
    expect(await former.closed).toEqual({ code: 4403, reason: "revoked" });
    expect(rig.node.registrations().map(({ sessionId }) => sessionId)).toEqual(["s2"]);
    await until(() => rig.node.counts.leftovers === 0 && rig.store.bindings.size === 1);
    expect(rig.core.last("REGISTER").get("Expires")).toBe("0");
  });

  test("EMG-05 a Contact with sos is refused: no emergency registration", async () => {
    const browser = await rig.connect();
    for (const contact of ["<sip:u0042@x.invalid;sos;transport=ws>", "<sip:u0042@x.invalid;transport=ws>;sos"]) {
      expect((await browser.register(await rig.token(), { contact })).status).toBe(403);
    }
    expect(rig.core.got).toEqual([]);
  });
});

describe("limits of W2", () => {
  test("EPC-WS-08a sockets of one address and of one site are limited, and a closed one makes room", async () => {
    const small = await openRig({ maxPerAddress: 3, maxPerSite: 2 });
    try {
      const first = await small.connect();
      await small.connect();
      await expect(small.connect()).rejects.toThrow("503");
      await small.connect({ origin: "https://other.example" });
      await expect(small.connect({ origin: "https://other.example" })).rejects.toThrow("429");
      first.socket.terminate();
      await until(() => small.node.counts.flows === 2);
      await small.connect();
    } finally {
      await small.close();
    }
  });
});

/** A running call whose user has a token of 30 s. @param seconds it may outlive that. */
async function running(
  seconds: number,
): Promise<{ timed: Timed; late: Rig; browser: Browser } & Awaited<ReturnType<typeof callOut>>> {
  const timed = new Timed();
  const late = await timed.open({ sessionGraceSeconds: seconds });
  const browser = await registered(late, await late.token({}, { seconds: 30 }));
  return { timed, late, browser, ...(await callOut(late, browser)) };
}

describe("calls at the end of the token", () => {
  test("EPC-DER-03c a running call goes on for its grace time, nothing new is taken; then BYE both ways with Reason", async () => {
    const { timed, late, browser, near, far } = await running(60);
    try {
      await timed.pass(35);
      expect(late.node.counts).toMatchObject({ registrations: 1, sessions: 1 });
      expect((await browser.request("MESSAGE", "sip:ken@ims.test", [])).status).toBe(401);
      await timed.pass(50);
      expect(late.node.counts.sessions).toBe(1);
      await timed.pass(10);
      expect(await until(() => near.ended?.message?.get("Reason"))).toContain("token-expired");
      expect(await until(() => far.ended?.message?.get("Reason"))).toContain("token-expired");
      await until(() => late.node.counts.registrations === 0);
    } finally {
      await late.close();
    }
  });

  test("EPC-DER-03c it may hang up in that time, and the registration ends with it", async () => {
    const { timed, late, browser, near, far } = await running(60);
    try {
      await timed.pass(35);
      near.usage.bye();
      await until(() => far.ended);
      await timed.pass(2);
      expect(await browser.closed).toEqual({ code: 4403, reason: "token-expired" });
      expect(late.node.counts).toMatchObject({ registrations: 0, sessions: 0 });
    } finally {
      await late.close();
    }
  });

  test("EPC-DER-03a a new token in that time is too late for nothing: the registration goes on", async () => {
    const { timed, late, browser, near } = await running(60);
    try {
      await timed.pass(35);
      expect((await browser.register(await late.token({}, { seconds: 600 }))).status).toBe(200);
      await timed.pass(120);
      expect(late.node.counts).toMatchObject({ registrations: 1, sessions: 1 });
      expect(near.ended).toBeUndefined();
    } finally {
      await late.close();
    }
  });
});
