import { Dialog, createResponse, type ServerTransaction } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  callIn,
  callOut,
  dial,
  fromCore,
  nextAtBrowser,
  nextAtCore,
  registered,
  ring,
  toNode,
} from "./support/call.ts";
import { grant, impu, openRig, ScriptedCore, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

// What TS 24.229 §5.2 asks of a P-CSCF and no row of its own has (docs/profile.md).

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

const tel = "<tel:+12125550142>";

/** The core's further 200s have these header fields instead of its own of the same names. */
function granting(replaced: [string, string][]): void {
  const usual = grant(rig.core);
  const names = new Set(replaced.map(([name]) => name));
  rig.core.answer = (tx) => {
    if (tx.request.method === "MESSAGE") return tx.reply(200);
    if (tx.request.method !== "REGISTER") return usual(tx);
    const reply = tx.reply.bind(tx);
    tx.reply = (status, options) =>
      reply(status, {
        ...options,
        headers: [...(options?.headers ?? []).filter(([name]) => !names.has(name)), ...replaced],
      });
    return usual(tx);
  };
}

/** The identity asserted for a MESSAGE that prefers this one. */
async function asserted(preferred: string): Promise<string | undefined> {
  const usual = rig.core.answer;
  rig.core.answer = (tx) => (tx.request.method === "MESSAGE" ? tx.reply(200) : usual(tx));
  const response = await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [["P-Preferred-Identity", preferred]]);
  rig.core.answer = usual;
  expect(response.status).toBe(200);
  return rig.core.last("MESSAGE").get("P-Asserted-Identity");
}

test("EPC-REG-01a a REGISTER leaves with the node's routing and security alone, each header field once (§5.2.2.1)", async () => {
  const headers: [string, string][] = [
    ["Route", "<sip:evil.example;lr>"],
    ["Record-Route", "<sip:evil.example;lr>"],
    ["Path", "<sip:evil.example;lr>"],
    ["Require", "sec-agree"],
    ["Proxy-Require", "sec-agree"],
    ["Security-Client", "ipsec-3gpp;evil=1"],
    ["Security-Verify", "ipsec-3gpp;evil=1"],
    ["P-User-Database", "<aaa://evil.example>"],
    ["P-Private-Network-Indication", "evil.example"],
  ];
  expect((await browser.register(await rig.token(), { headers })).status).toBe(200);
  const register = rig.core.last("REGISTER");
  expect(register.toOctets()).not.toMatch(/evil|sec-agree/);
  const names = register.headers().map(([name]) => name.toLowerCase());
  const twice = names.filter((name, at) => name !== "via" && names.indexOf(name) !== at);
  expect(twice).toEqual([]);
  expect(names).toEqual(
    expect.arrayContaining([
      "path",
      "require",
      "supported",
      "p-visited-network-id",
      "p-charging-vector",
      "authorization",
    ]),
  );
  expect(names).not.toContain("record-route");
});

describe("identities (§5.2.4)", () => {
  test("EPC-REG-01b one that the reg event tells ended is asserted no more, until it is told or granted again", async () => {
    let dialog: Dialog | undefined;
    const usual = grant(rig.core);
    rig.core.answer = (tx: ServerTransaction) => {
      if (tx.request.method !== "SUBSCRIBE") return usual(tx);
      const headers: [string, string][] = [
        ["Contact", rig.core.uri],
        ["Expires", "600"],
      ];
      const response = createResponse(tx.request, 200, { toTag: "s", headers });
      dialog = Dialog.uas(tx.request, response);
      return tx.respond(response);
    };
    // A registration of its own, whose subscription the core follows.
    const other = await rig.connect();
    browser = other;
    const instance = 'reg-id=1;expires=600;+sip.instance="<urn:uuid:9>"';
    await other.register(await rig.token(), { contact: `<sip:u@k9.invalid;transport=ws>;${instance}` });
    await until(() => dialog);
    const told = async (state: string): Promise<void> => {
      const text = `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1" state="full">
<registration aor="${impu}" id="a" state="active"/><registration aor="not a uri" id="c" state="active"/>
<registration aor="tel:+12125550142" id="b" state="${state}"/></reginfo>`;
      const notify = dialog?.createRequest(
        "NOTIFY",
        [
          ["Event", "reg"],
          ["Subscription-State", "active;expires=600"],
        ],
        {
          type: "application/reginfo+xml",
          text,
        },
      );
      if (notify === undefined) throw new Error("no subscription");
      expect((await rig.core.agent.send(notify, toNode(rig))).status).toBe(200);
    };
    expect(await asserted(tel)).toBe(tel);
    await told("terminated");
    expect(await asserted(tel)).toBe(`<${impu}>`);
    await told("active");
    expect(await asserted(tel)).toBe(tel);
    await told("terminated");
    await other.register(await rig.token(), { contact: `<sip:u@k9.invalid;transport=ws>;${instance}` });
    expect(await asserted(tel)).toBe(tel);
  });

  test("EPC-REG-01c a barred one, which the core does not list, is never asserted nor a call's From", async () => {
    granting([["P-Associated-URI", tel]]);
    await browser.register(await rig.token());
    expect(await asserted(`<${impu}>`)).toBe(tel);
    const incoming = nextAtCore(rig);
    dial(browser, { headers: [["P-Preferred-Identity", `<${impu}>`]] });
    const { invite } = (await incoming).usage;
    expect([invite.get("P-Asserted-Identity"), invite.from.uri]).toEqual([tel, "tel:+12125550142"]);
  });
});

const expectRestoration = (
  response: { status: number; body: string; get(name: string): string | undefined } | undefined,
): void => {
  expect([response?.status, response?.get("Content-Type")]).toEqual([504, "application/3gpp-ims+xml"]);
  expect(response?.get("P-Asserted-Identity")).toBe("<sip:portal.ims.test:443>");
  expect(response?.body).toMatch(/<type>restoration<\/type>[^]*<action>initial-registration<\/action>/);
};

describe("the S-CSCF of the Service-Route is lost (§5.2.6.3.2A)", () => {
  const lost: [string, string][] = [["Service-Route", "<sip:orig@127.0.0.1:9;transport=tcp;lr>"]];
  test("EPC-REG-01d INVITE and MESSAGE get a 504 that asks for an initial registration, after which calls pass", async () => {
    granting(lost);
    await browser.register(await rig.token());
    const near = dial(browser);
    expectRestoration(await until(() => near.rejected));
    expectRestoration(await browser.request("MESSAGE", "sip:u0043@acme.ims.test", []));
    const second = await ScriptedCore.open();
    try {
      granting([["Service-Route", `<${second.uri.replace("sip:", "sip:orig@")};transport=tcp;lr>`]]);
      second.answer = (tx) => tx.reply(486);
      await browser.register(await rig.token());
      const again = dial(browser);
      expect((await until(() => again.rejected)).status).toBe(486);
      expect(rig.node.counts.sessions).toBe(0);
    } finally {
      await second.close();
    }
  });

  test("EPC-REG-01d the S-CSCF's own 504 of that kind reaches the browser as one; another 504 does not become one", async () => {
    const body = {
      type: "application/3gpp-ims+xml",
      text: '<ims-3gpp version="1"><alternative-service><type>restoration</type><reason/><action>initial-registration</action></alternative-service></ims-3gpp>',
    };
    const headers: [string, string][] = [["P-Asserted-Identity", "<sip:scscf1.ims.test>"]];
    const first = nextAtCore(rig);
    const near = dial(browser);
    (await first).usage.reject(504, { headers, body });
    expectRestoration(await until(() => near.rejected));
    const second = nextAtCore(rig);
    const plain = dial(browser);
    (await second).usage.reject(504);
    expect([(await until(() => plain.rejected)).status, plain.rejected?.body]).toEqual([504, ""]);
  });

  test("EPC-REG-01d without a Service-Route there is no S-CSCF to restore: a plain 504", async () => {
    const cut = await openRig();
    try {
      const usual = grant(cut.core);
      cut.core.answer = (tx) => {
        const reply = tx.reply.bind(tx);
        tx.reply = (status, options) =>
          reply(status, { headers: (options?.headers ?? []).filter(([name]) => name !== "Service-Route") });
        return usual(tx);
      };
      const page = await registered(cut);
      await cut.core.close();
      const near = dial(page);
      expect([(await until(() => near.rejected)).status, near.rejected?.body]).toEqual([504, ""]);
    } finally {
      await cut.close();
    }
  });
});

describe("the boundary of the trust domain (§4.4), beyond what requests inside and outside of calls show", () => {
  const names = [
    "Additional-Identity",
    "Attestation-Info",
    "Cellular-Network-Info",
    "Origination-Id",
    "P-Private-Network-Indication",
    "Priority-Share",
    "Priority-Verstat",
    "Relayed-Charge",
    "Resource-Share",
    "Response-Source",
    "Restoration-Info",
    "Service-Interact-Info",
  ];
  const claims = names.map((name): [string, string] => [name, "forged"]);

  test("EPC-REG-01e requests and responses of a browser lose them, and a call-back of an emergency centre is not hers to claim", async () => {
    const up: [string, string][] = [...claims, ["Priority", "psap-callback"]];
    granting([]);
    const incoming = nextAtCore(rig);
    dial(browser, { headers: up });
    const { invite } = (await incoming).usage;
    granting([]);
    await browser.request("MESSAGE", "sip:u0043@acme.ims.test", up);
    browser.answer = (tx) => tx.reply(200, { headers: [...claims, ["P-Asserted-Identity", "<sip:forged@ims.test>"]] });
    const answer = await rig.core.agent.send(fromCore(rig, "MESSAGE"), toNode(rig));
    const called = nextAtBrowser(browser);
    const far = ring(rig);
    (await called).usage.progress(180, { headers: [...claims, ["P-Asserted-Identity", "<sip:forged@ims.test>"]] });
    const ringing = await until(() => far.responses.find(({ status }) => status === 180));
    for (const message of [invite, rig.core.last("MESSAGE"), answer, ringing]) {
      expect(message.toOctets()).not.toMatch(/forged|psap/);
    }
  });

  test("EPC-REG-01e any other Priority is hers to set", async () => {
    granting([]);
    await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [["Priority", "urgent"]]);
    expect(rig.core.last("MESSAGE").get("Priority")).toBe("urgent");
  });

  test("EPC-REG-01e what the core says of them does not reach a browser, and a call-back of the network does", async () => {
    const down: [string, string][] = [...claims, ["Priority", "psap-callback"]];
    const { near } = await callIn(rig, browser, { headers: down });
    browser.answer = (tx) => tx.reply(200);
    await rig.core.agent.send(fromCore(rig, "MESSAGE", { headers: down }), toNode(rig));
    for (const { octets } of browser.raw) expect(octets).not.toContain("forged");
    expect(near.usage.invite.get("Priority")).toBe("psap-callback");
  });
});

/** A MESSAGE whose From is this. */
const messageFrom = async (from: string) => {
  browser.impu = from;
  return (await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [])).status;
};

test("EPC-REG-01f PRV-02c a proxied request in another's name: 403; in her own, or nobody's, it passes with her identity asserted", async () => {
  granting([]);
  for (const from of ["sip:boss@ims.test", "sip:u0043@acme.ims.test", "tel:+12025550110"])
    expect(await messageFrom(from)).toBe(403);
  expect(rig.core.got.some(({ method }) => method === "MESSAGE")).toBe(false);
  for (const from of [impu, "tel:+12125550142", "sip:anonymous@anonymous.invalid"]) {
    expect(await messageFrom(from)).toBe(200);
    expect(rig.core.last("MESSAGE").get("P-Asserted-Identity")).toBe(`<${impu}>`);
  }
});

test("EPC-REG-01g an answered call's further requests keep to its dialog's way, whatever Route the browser writes (§5.2.6.3.9)", async () => {
  const { near, far } = await callOut(rig, browser);
  const response = await near.usage.request("INFO", { headers: [["Route", "<sip:evil.example;lr>"]] });
  expect(response.status).toBe(200);
  expect(far.inside[0]?.request.toOctets()).not.toContain("evil");
});
