import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { coreAnswer, coreAnswerRows } from "../src/registration/coreAnswers.ts";
import { registered } from "./support/call.ts";
import { grant, openRig, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

let rig: Rig;
beforeEach(async () => void (rig = await openRig()));
afterEach(async () => {
  rig.core.answer = grant(rig.core);
  await rig.close();
});

const deregistrations = (): number =>
  rig.core.got.filter((request) => request.method === "REGISTER" && request.get("Expires") === "0").length;

interface Expected {
  readonly status: number;
  readonly alarm?: string;
  /** Header fields of the core's answer, and what of them the browser sees. */
  readonly sent?: [string, string][];
  readonly seen?: Readonly<Record<string, string>>;
  readonly ids: string;
}

/** What the browser is answered for what the core answers; ids of the requirements it shows. */
const table: Readonly<Record<number, Expected>> = {
  302: { ids: "EPC-REG-18c", status: 480, sent: [["Contact", "<sip:scscf2.ims.test>"]] },
  305: { ids: "EPC-REG-18c", status: 480, sent: [["Contact", "<sip:scscf2.ims.test>"]] },
  400: { ids: "EPC-REG-18h", status: 503, alarm: "core.refuses-request" },
  401: { ids: "EPC-REG-25a EPC-REG-25b", status: 503, alarm: "core.challenged-trusted-node" },
  403: { ids: "EPC-REG-18h", status: 403, alarm: "core.identity-refused" },
  404: { ids: "EPC-REG-18h", status: 404, alarm: "core.identity-unknown" },
  407: { ids: "EPC-REG-25a EPC-REG-25b", status: 503, alarm: "core.challenged-trusted-node" },
  408: { ids: "EPC-REG-18b", status: 504, alarm: "core.unreachable" },
  416: { ids: "EPC-REG-18h", status: 503, alarm: "core.refuses-request" },
  420: { ids: "EPC-REG-18h", status: 503, alarm: "core.lacks-extension", sent: [["Unsupported", "path"]] },
  421: { ids: "EPC-REG-18h", status: 503, alarm: "core.refuses-request", sent: [["Require", "sec-agree"]] },
  423: { ids: "EPC-REG-16b", status: 423, sent: [["Min-Expires", "900"]], seen: { "Min-Expires": "900" } },
  439: { ids: "EPC-REG-23", status: 439, alarm: "core.lacks-outbound" },
  480: { ids: "EPC-REG-18c", status: 480, sent: [["Retry-After", "7"]], seen: { "Retry-After": "7" } },
  482: { ids: "EPC-REG-18h", status: 503, alarm: "core.refuses-request" },
  483: { ids: "EPC-REG-18h", status: 503, alarm: "core.refuses-request" },
  500: { ids: "EPC-REG-18h", status: 500 },
  503: { ids: "EPC-REG-18h", status: 503, sent: [["Retry-After", "120 (busy)"]], seen: { "Retry-After": "120" } },
  504: { ids: "EPC-REG-18b", status: 504, alarm: "core.unreachable" },
  580: { ids: "EPC-REG-18h", status: 500 },
  600: { ids: "EPC-REG-18h", status: 403, alarm: "core.identity-refused" },
  604: { ids: "EPC-REG-18h", status: 404, alarm: "core.identity-unknown" },
};

const nothing = async (): Promise<[]> => [];

describe("an initial REGISTER that the core answers", () => {
  for (const [answered, { ids, status, alarm, sent = [], seen = {} }] of Object.entries(table)) {
    const cause = Number(answered);
    test(`${ids} ${answered}: the browser gets ${status}, ${alarm === undefined ? "no alarm" : `the operator ${alarm}`}`, async () => {
      const challenge: [string, string] = ["WWW-Authenticate", 'Digest realm="ims.test", nonce="n"'];
      const own: [string, string][] = [["P-Charging-Function-Addresses", "ccf=192.0.2.5"], challenge, ...sent];
      rig.core.answer = (tx) => (tx.request.get("Expires") === "0" ? tx.reply(200) : tx.reply(cause, { headers: own }));
      const browser = await rig.connect();
      const response = await browser.register(await rig.token());
      expect([response.status, response.reason.length > 3]).toEqual([status, true]);
      expect(response.get("Reason")).toBe(`SIP;cause=${answered}`);
      for (const [name, value] of Object.entries(seen)) expect(response.get(name)).toBe(value);
      for (const name of ["WWW-Authenticate", "Contact", "P-Charging-Function-Addresses", "Unsupported", "Require"]) {
        expect([name, response.has(name)]).toEqual([name, false]);
      }
      expect(rig.alarms).toEqual(alarm === undefined ? [] : [alarm]);
      expect(rig.node.counts.registrations).toBe(0);
      // What may have been bound all the same is ended; nothing else is asked of a core that has said no.
      await until(() => rig.node.counts.leftovers === 0 && rig.store.bindings.size === 0);
      expect(deregistrations()).toBe([408, 500, 503, 504, 580].includes(cause) ? 1 : 0);
    });
  }

  test("every row of the table is tested, and has its clause", () => {
    const classes = new Set(Object.keys(table).map((status) => coreAnswer({ status: Number(status) } as never)));
    for (const [status, answer] of coreAnswerRows) {
      expect([status, classes.has(answer)]).toEqual([status, true]);
      expect(answer.clause).toMatch(/^(RFC|TS) [\d.]+ §/);
    }
  });

  test("a Retry-After that cannot be read is left out", async () => {
    rig.core.answer = (tx) => tx.reply(503, { headers: [["Retry-After", "soon"]] });
    const browser = await rig.connect();
    expect((await browser.register(await rig.token())).has("Retry-After")).toBe(false);
  });
});

/** Has the core answer the refresh of a registered browser like that. */
async function refresh(status: number): Promise<Browser> {
  const browser = await registered(rig);
  const answer = grant(rig.core);
  rig.core.answer = (tx) => (tx.request.get("Expires") === "600" ? tx.reply(status) : answer(tx));
  await browser.register(await rig.token());
  return browser;
}

describe("a refresh that the core answers", () => {
  for (const status of [403, 404, 604]) {
    test(`EPC-REG-21a ${status}: the registration is over here too, and its socket closed`, async () => {
      const browser = await refresh(status);
      expect(await browser.closed).toEqual({ code: 4403, reason: "network" });
      expect(rig.node.counts.registrations).toBe(0);
      expect(deregistrations()).toBe(1);
      await until(() => rig.store.bindings.size === 0);
    });
  }

  for (const status of [480, 500, 503, 504]) {
    test(`EPC-REG-21a ${status}: the registration stays as it was granted`, async () => {
      await refresh(status);
      expect(rig.node.counts).toMatchObject({ flows: 1, registrations: 1 });
      expect(deregistrations()).toBe(0);
      expect(rig.store.bindings.size).toBe(1);
    });
  }
});

describe("a core that is silent or broken", () => {
  test("EPC-REG-18b silence: 504 when Timer F ends, and what it may have bound is ended when it speaks again", async () => {
    const timed = new Timed();
    const slow = await timed.open();
    try {
      slow.core.answer = () => undefined;
      const browser = await slow.connect();
      const response = browser.register(await slow.token());
      await until(() => slow.core.got.length === 1);
      await timed.pass(33);
      expect((await response).status).toBe(504);
      expect(slow.alarms).toContain("core.unreachable");
      expect(slow.node.counts).toMatchObject({ registrations: 0, leftovers: 1 });
      slow.core.answer = grant(slow.core);
      await timed.pass(40);
      await until(() => slow.node.counts.leftovers === 0);
      expect(slow.core.last("REGISTER").get("Expires")).toBe("0");
      expect(slow.store.bindings.size).toBe(0);
    } finally {
      await slow.close();
    }
  });

  test("EPC-REG-18b no way to the home network: 504 at once", async () => {
    const resolver = { naptr: nothing, srv: nothing, addresses: nothing };
    const lost = await openRig({ entryPoint: "sip:icscf.ims.test;transport=tcp", resolver });
    try {
      const browser = await lost.connect();
      expect((await browser.register(await lost.token())).status).toBe(504);
      expect(lost.alarms).toContain("core.unreachable");
    } finally {
      await lost.close();
    }
  });

  const contradictions: readonly [what: string, headers: (contact: string) => [string, string][]][] = [
    ["lists only another's Contact", () => [["Contact", "<sip:someone@192.0.2.9>;expires=600"]]],
    ["grants no time", (contact) => [["Contact", contact.replace("expires=600", "expires=0")]]],
  ];
  for (const [what, headers] of contradictions) {
    test(`EPC-REG-19a a 200 that ${what}: 500, an alarm, and what may be bound is ended`, async () => {
      const answer = grant(rig.core);
      rig.core.answer = (tx) =>
        tx.request.get("Expires") === "0"
          ? answer(tx)
          : tx.reply(200, { headers: headers(tx.request.get("Contact") ?? "") });
      const browser = await rig.connect();
      const response = await browser.register(await rig.token());
      expect([response.status, response.has("Contact")]).toEqual([500, false]);
      expect(rig.alarms).toEqual(["core.contradiction"]);
      expect(rig.node.counts.registrations).toBe(0);
      await until(() => deregistrations() === 1 && rig.store.bindings.size === 0);
    });
  }

  test("EPC-REG-19a a 200 with nothing in it grants what was asked, for the identity that asked", async () => {
    rig.core.answer = (tx) => tx.reply(200);
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    expect(response.list("Contact")[0]).toContain("expires=600");
    expect(response.list("P-Associated-URI")).toEqual(["<sip:u0042@acme.ims.test>"]);
    expect(rig.node.registrations(true)[0]?.network).toMatchObject({ serviceRoute: [], outbound: false });
  });

  test("EPC-REG-19a header fields that cannot be read, and a thousand of them, are left out", async () => {
    const routes = Array.from({ length: 300 }, (_, n) => `<sip:orig${n}@scscf.ims.test;lr>`);
    rig.core.answer = (tx) =>
      tx.reply(200, {
        headers: [
          ["Contact", tx.request.get("Contact") ?? ""],
          ["Service-Route", `nonsense, ${routes.join(", ")}`],
          ["P-Associated-URI", `nonsense, <sip:u0042@acme.ims.test>, <tel:+1${"2".repeat(3000)}>`],
          ["P-Charging-Vector", ";;;"],
        ],
      });
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    expect(response.status).toBe(200);
    expect(response.list("P-Associated-URI")).toEqual(["<sip:u0042@acme.ims.test>"]);
    expect(response.list("Service-Route").length).toBeLessThanOrEqual(32);
    expect(response.toOctets().length).toBeLessThan(8000);
  });

  test("EPC-REG-18h an answer of 5 MB ends its connection, not the node: 504, and the next REGISTER is served", async () => {
    const answer = grant(rig.core);
    rig.core.answer = (tx) =>
      tx.request.get("Expires") === "0" ? answer(tx) : tx.reply(200, { headers: [["X-Large", "a".repeat(5_000_000)]] });
    const browser = await rig.connect();
    expect((await browser.register(await rig.token())).status).toBe(504);
    rig.core.answer = answer;
    expect((await browser.register(await rig.token())).status).toBe(200);
    expect(rig.node.counts.registrations).toBe(1);
  });
});
