import { parseCredentials, parseNameAddr, parseUri, SipRequest, type SipResponse } from "@portico/sip";
import { VirtualClock } from "@portico/sip/testing";
import { generateKeyPair } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { vouchedBy } from "../src/registration/trustedNode.ts";
import { grant, impi, impu, openRig, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

let rig: Rig;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

describe("REGISTER as a trusted node", () => {
  test("EPC-REG-07 EPC-REG-08 EPC-REG-12 the token stays here; IMPI, auth-done and the visited network go to the core", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    const response = await browser.register(token, {
      headers: [["P-Visited-Network-ID", '"evil.example"']],
    });
    expect(response.status).toBe(200);
    const register = rig.core.last("REGISTER");
    expect(rig.core.got.every((request) => !request.toOctets().includes(token))).toBe(true);
    expect(register.all("Authorization")).toEqual([
      `Digest username="${impi}", realm="ims.test", uri="sip:ims.test", nonce="", response="", integrity-protected="auth-done"`,
    ]);
    expect(register.all("P-Visited-Network-ID")).toEqual(['"ims.test"']);
    expect(register.uri).toBe("sip:ims.test");
  });

  test("EPC-REG-10 where the core is known to take it, it is told the WWSF", async () => {
    await rig.close();
    rig = await openRig({ namesWwsf: true });
    const browser = await rig.connect();
    expect((await browser.register(await rig.token())).status).toBe(200);
    expect(rig.core.last("REGISTER").get("Authorization")).toBe(
      `Digest username="${impi}", realm="ims.test", uri="sip:ims.test", nonce="", response="", integrity-protected="auth-done", authorization-entity="talk.acme.example"`,
    );
  });

  test.each([
    ['talk" \\ acme', ', authorization-entity="talk\\" \\\\ acme"'],
    ["talk\r\nVia: x", ""],
    ["", ""],
  ])("EPC-REG-10 the name of a WWSF stays a name: %j", (wwsf, told) => {
    const authorization = vouchedBy({ homeDomain: "ims.test", networkId: "ims.test" }, impi, wwsf);
    expect(authorization.split('"auth-done"')[1]).toBe(told);
  });

  test("EPC-REG-09 EPC-REG-14 what a browser claims of the trust domain is dropped", async () => {
    const browser = await rig.connect();
    const claims: [string, string][] = [
      ["Authorization", 'Digest username="x", realm="ims.test", integrity-protected="yes"'],
      ["P-Asserted-Identity", "<sip:boss@ims.test>"],
      ["P-Charging-Vector", "icid-value=mine"],
      ["P-Charging-Function-Addresses", "ccf=192.0.2.66"],
      ["P-Access-Network-Info", "3GPP-E-UTRAN;network-provided"],
      ["Feature-Caps", "*;+g.3gpp.srvcc"],
      ["Path", "<sip:evil@198.51.100.1;lr>"],
      ["Route", "<sip:198.51.100.1;lr>"],
    ];
    expect((await browser.register(await rig.token(), { headers: claims })).status).toBe(200);
    const text = rig.core.last("REGISTER").toOctets();
    for (const trace of ['protected="yes"', "boss", "mine", "192.0.2.66", "E-UTRAN", "srvcc", "198.51.100.1"]) {
      expect(text).not.toContain(trace);
    }
  });

  test("EPC-REG-15 every REGISTER tells the core that the IMS-ALG carries audio and nothing else", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    const headers: [string, string][] = [["Feature-Caps", "*;+sip.video"]];
    for (const expires of [600, 600, 0]) {
      expect((await browser.register(token, { headers, expires })).status).toBe(200);
      expect(rig.core.last("REGISTER").all("Feature-Caps")).toEqual(["*;+sip.audio"]);
    }
    expect((await browser.register(token)).status).toBe(200);
    rig.revoke({ impu, reason: "test" });
    await until(() => rig.core.last("REGISTER").get("Expires") === "0");
    expect(rig.core.last("REGISTER").all("Feature-Caps"), "the node's own").toEqual(["*;+sip.audio"]);
  });

  test("EPC-REG-09 EPC-REG-14 SEC-02b nor does it come through in any way of writing a header that RFC 3261 §7.3.1 allows", async () => {
    const forged = [
      'authorization : Digest username="forged", realm="ims.test", integrity-protected="auth-done"',
      'AUTHORIZATION:\tDigest username="forged",\r\n integrity-protected="auth-done"',
      "p-asserted-identity: <sip:forged@ims.test>",
      "P-Asserted-Identity : <sip:forged@ims.test>",
      "P-ASSERTED-IDENTITY\t:\r\n <sip:forged@ims.test>",
      "P-Asserted-Identity:\r\n\t<sip:forged@ims.test>",
      "Path : <sip:forged@198.51.100.1;lr>",
      "path:\r\n <sip:forged@198.51.100.1;lr>",
      "rOUTE : <sip:forged@198.51.100.1;lr>",
      "Record-route: <sip:forged@198.51.100.1;lr>",
      "P-visited-network-id : forged",
      "P-Charging-vector: icid-value=forged",
      "rEQUIRE : forged",
      "Proxy-require: forged",
    ];
    const browser = await rig.connect();
    const token = await rig.token();
    // What else may stand in for a name: the compact forms of Contact and Supported, which this node's own replace.
    for (const [at, line] of forged.entries()) {
      const [contact, supported] =
        at % 2 === 0 ? ["m", "k"] : ["Contact :", "SUPPORTED\t:"].map((one) => one.replace(/:$/, ""));
      browser.socket.send(
        [
          "REGISTER sip:ims.test SIP/2.0",
          `Via: SIP/2.0/WSS k3v9q0d1xm.invalid;branch=z9hG4bKforged${at}`,
          "Max-Forwards: 70",
          line,
          `f: <${impu}>;tag=x`,
          `t: <${impu}>`,
          "i: written@k3v9q0d1xm.invalid",
          `CSeq: ${at + 1} REGISTER`,
          `${contact}: <sip:u0042@k3v9q0d1xm.invalid;transport=ws>;expires=600`,
          `${supported}: path`,
          `Authorization: Bearer ${token}`,
          "l: 0",
          "",
          "",
        ].join("\r\n"),
      );
      const sent = await until(() => rig.core.got.filter(({ method }) => method === "REGISTER")[at]);
      expect(sent.toOctets()).not.toMatch(/forged@|"forged"|: forged|=forged$|k3v9q0d1xm\.invalid;transport|Bearer/m);
      for (const name of ["Authorization", "Contact", "Supported", "Path", "Require", "P-Visited-Network-ID"]) {
        expect([line, name, sent.all(name).length]).toEqual([line, name, 1]);
      }
      expect(sent.get("Authorization")).toContain(`username="${impi}"`);
    }
  });

  test("EPC-REG-17b nothing else of her Contact goes to the core", async () => {
    const browser = await rig.connect();
    const instance = "<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77>";
    const contact =
      `"Boss" <sip:boss@k3v9q0d1xm.invalid;transport=ws;lr;maddr=198.51.100.1>;+sip.instance="${instance}";reg-id=1;q=0.5` +
      `;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel";audio;pub-gruu="sip:boss@ims.test;gr=1"` +
      `;temp-gruu="sip:tgruu@ims.test;gr";received="sip:198.51.100.1";path="<sip:198.51.100.1>";ob;sos.x;methods="INVITE"`;
    expect((await browser.register(await rig.token(), { contact })).status).toBe(200);
    const { uri, params, display } = parseNameAddr(rig.core.last("REGISTER").get("Contact") ?? "");
    expect([...params.keys()].toSorted()).toEqual([
      "+g.3gpp.icsi-ref",
      "+sip.instance",
      "audio",
      "expires",
      "q",
      "reg-id",
    ]);
    expect([display, parseUri(uri).params.has("maddr")]).toEqual([undefined, false]);
    expect(rig.core.last("REGISTER").toOctets()).not.toMatch(/boss|198\.51/i);
  });

  test("EPC-REG-11a EPC-REG-13 EPC-REG-17b Path, ICID and the kept Contact parameters", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    await browser.register(token);
    await browser.register(token);
    const [first, second] = rig.core.got.filter(({ method }) => method === "REGISTER");
    const path = parseNameAddr(first?.get("Path") ?? "");
    expect(parseUri(path.uri).host).toBe("127.0.0.1");
    expect(parseUri(path.uri).port).toBe(rig.node.mwPort);
    expect(parseUri(path.uri).params.has("lr")).toBe(true);
    expect(parseUri(path.uri).params.has("ob")).toBe(true);
    expect(first?.list("Require")).toContain("path");
    const icid = /icid-value="([^"]+)";icid-generated-at=127\.0\.0\.1;orig-ioi="Type 1ims\.test"/;
    const icids = [first, second].map((one) => icid.exec(one?.get("P-Charging-Vector") ?? "")?.[1]);
    expect(icids[0]).toBeDefined();
    expect(icids[1]).not.toBe(icids[0]);
    const contact = parseNameAddr(first?.list("Contact")[0] ?? "");
    expect(contact.params.get("reg-id")).toBe("1");
    expect(contact.params.get("+sip.instance")).toContain("8e2f3c60");
    expect(contact.params.get("expires")).toBe("600");
  });

  test("EPC-REG-17a EPC-REG-17c EPC-REG-19b the core sees the portal's Contact, the browser its own and no charging header", async () => {
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    const atCore = rig.core.last("REGISTER").list("Contact")[0] ?? "";
    expect(atCore).not.toContain(".invalid");
    expect(parseUri(parseNameAddr(atCore).uri).user).toMatch(/^[0-9a-f]{26}$/);
    expect(parseNameAddr(response.list("Contact")[0] ?? "").uri).toBe("sip:u0042@k3v9q0d1xm.invalid;transport=ws");
    for (const name of ["P-Charging-Vector", "P-Charging-Function-Addresses", "Path"])
      expect(response.has(name)).toBe(false);
    expect(response.list("Service-Route")).toHaveLength(1);
    expect(response.get("P-Associated-URI")).toContain("tel:+12125550142");
    expect(response.get("Flow-Timer")).toBe("120");
  });

  test("EPC-REG-17a a client that chooses another user's Contact gets its own all the same", async () => {
    const [mary, mallory] = [await rig.connect(), await rig.connect()];
    await mary.register(await rig.token());
    const victim = parseNameAddr(rig.core.last("REGISTER").list("Contact")[0] ?? "").uri;
    const other = "sip:u0043@acme.ims.test";
    await mallory.request("REGISTER", "sip:ims.test", [
      ["Contact", `<${victim}>;expires=600`],
      ["Authorization", `Bearer ${await rig.token()}`],
    ]);
    const contact = parseNameAddr(rig.core.last("REGISTER").list("Contact")[0] ?? "").uri;
    expect(contact).not.toBe(victim);
    expect(rig.core.last("REGISTER").toOctets()).not.toContain(other);
  });

  test("EPC-REG-20 the portal subscribes to the reg event in its own name", async () => {
    const browser = await rig.connect();
    await browser.register(await rig.token());
    await expect.poll(() => rig.core.got.some(({ method }) => method === "SUBSCRIBE")).toBe(true);
    const subscribe = rig.core.last("SUBSCRIBE");
    expect(subscribe.uri).toBe(impu);
    expect(subscribe.to.uri).toBe(impu);
    expect(parseUri(subscribe.from.uri).port).toBe(rig.node.mwPort);
    expect(parseNameAddr(subscribe.get("P-Asserted-Identity") ?? "").uri).toBe(subscribe.from.uri);
    expect(subscribe.get("Event")).toBe("reg");
    expect(Number(subscribe.get("Expires"))).toBeGreaterThan(600);
    expect(subscribe.get("P-Charging-Vector")).toContain("icid-value=");
  });

  test("EPC-REG-21a a refresh is validated and leaves as a trusted node's again", async () => {
    const browser = await rig.connect();
    await browser.register(await rig.token());
    expect((await browser.register(await rig.token())).status).toBe(200);
    expect(rig.core.last("REGISTER").get("Authorization")).toContain('integrity-protected="auth-done"');
    expect((await browser.register("not.a.token")).status).toBe(401);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("EPC-REG-21a a token that has expired is refused, though it is that of the REGISTER before and the registration lives", async () => {
    await rig.close();
    const timed = new Timed();
    rig = await timed.open();
    const browser = await rig.connect();
    const token = await rig.token({}, { seconds: 600 });
    expect((await browser.register(token)).status).toBe(200);
    // The system's clock was behind and is set right; durations go by another one.
    timed.wall += 601_000;
    expect((await browser.register(token)).status).toBe(401);
    expect(rig.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(1);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("EPC-REG-16a Expires is the least of what was asked, what the token has left and what the operator allows", async () => {
    const browser = await rig.connect();
    await browser.register(await rig.token(), { expires: 600_000 });
    expect(Number(rig.core.last("REGISTER").get("Expires"))).toBeLessThanOrEqual(3600);
    await browser.register(await rig.token({}, { seconds: 120 }), { expires: 600 });
    const short = Number(rig.core.last("REGISTER").get("Expires"));
    expect(short).toBeGreaterThan(110);
    expect(short).toBeLessThanOrEqual(120);
    await browser.register(await rig.token(), { expires: 90 });
    expect(rig.core.last("REGISTER").get("Expires")).toBe("90");
  });
});

describe("refusals", () => {
  test("EPC-REG-02a EPC-REG-02b no token: 401 with a Bearer challenge", async () => {
    const browser = await rig.connect();
    const response = await browser.register(undefined);
    expect(response.status).toBe(401);
    const challenge = response.get("WWW-Authenticate") ?? "";
    expect(challenge).toBe('Bearer realm="ims.test", authz_server="https://portal.ims.test/waf", scope="ims.register"');
    expect(rig.core.got).toHaveLength(0);
  });

  test("EPC-REG-03a EPC-REG-03b EPC-REG-03c both Bearer forms are taken, the scheme in any case", async () => {
    const token = await rig.token();
    for (const value of [`Bearer ${token}`, `Bearer access_token="${token}"`, `bEaReR ${token}`]) {
      const browser = await rig.connect();
      expect((await browser.register(undefined, { headers: [["Authorization", value]] })).status).toBe(200);
    }
  });

  const bad: [string, () => Promise<string>, string][] = [
    [
      "EPC-REG-04a EPC-REG-04e of a foreign key",
      async () => rig.token({}, { key: (await generateKeyPair("ES256")).privateKey }),
      "invalid_token",
    ],
    ["EPC-REG-04b EPC-REG-04e of a foreign issuer", () => rig.token({ iss: "https://evil.example" }), "invalid_token"],
    ["EPC-REG-04b EPC-REG-04e for another audience", () => rig.token({ aud: "sip:other.test" }), "invalid_token"],
    ["EPC-REG-04c EPC-REG-04e that has expired", () => rig.token({}, { seconds: -61 }), "invalid_token"],
    [
      "EPC-REG-04c WAF-06a that claims to live longer than a day",
      () => rig.token({}, { seconds: 86_400 + 120 }),
      "invalid_token",
    ],
    [
      "EPC-REG-04c WAF-06a of tomorrow",
      () => rig.token({ iat: Math.floor(Date.now() / 1000) + 86_400 }, { seconds: 2 * 86_400 }),
      "invalid_token",
    ],
    ["EPC-REG-04a EPC-REG-04e of another type", () => rig.token({}, { typ: "JWT" }), "invalid_token"],
    ["EPC-REG-04e without the scope", () => rig.token({ scope: "ims.voice" }), "invalid_scope"],
    ["EPC-REG-04a EPC-REG-04e with alg none", async () => unsigned(await rig.token()), "invalid_token"],
  ];
  for (const [what, token, error] of bad) {
    test(`${what}: 401 ${error}, and nothing reaches the core`, async () => {
      const browser = await rig.connect();
      const response = await browser.register(await token());
      expect(response.status).toBe(401);
      const credentials = parseCredentials((response.get("WWW-Authenticate") ?? "").replace("Bearer ", "Digest "));
      expect("params" in credentials && credentials.params.get("error")).toContain(error);
      expect(rig.core.got).toHaveLength(0);
    });
  }

  test("EPC-REG-04d the token of the REGISTER before, revoked since: 401, and the core does not hear of it", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    expect((await browser.register(token)).status).toBe(200);
    const before = rig.core.got.filter(({ method }) => method === "REGISTER").length;
    // Known to be over, and not told yet.
    rig.suspended.add("acme");
    expect((await browser.register(token)).status).toBe(401);
    expect(rig.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(before);
  });

  test("EPC-REG-04d a revoked session's token: 401 invalid_token", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    rig.revoke({ sessionId: "s1", reason: "logout" });
    const response = await browser.register(token);
    expect(response.status).toBe(401);
    expect(response.get("WWW-Authenticate")).toContain('error="invalid_token"');
  });

  test("EPC-REG-05a EPC-REG-05b From, To and Request-URI must be the token's and ours", async () => {
    const browser = await rig.connect();
    const foreign = await rig.token({ impu: "sip:u0043@acme.ims.test" });
    expect((await browser.register(foreign)).status).toBe(403);
    const elsewhere = await browser.request("REGISTER", "sip:other.test", [
      ["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"],
      ["Authorization", `Bearer ${await rig.token()}`],
    ]);
    expect(elsewhere.status).toBe(403);
    expect(rig.core.got).toHaveLength(0);
  });

  const another = "sip:u0043@acme.ims.test";
  const twisted: [what: string, from: string, to: string][] = [
    ["To of another", impu, another],
    ["From of another", another, impu],
    ["both of another", another, another],
    ["To of a user in capitals", impu, impu.replace("u0042", "U0042")],
    ["To with a port", impu, `${impu}:5060`],
    ["To with a parameter", impu, `${impu};user=phone`],
    ["To of sips", impu, impu.replace("sip:", "sips:")],
    ["To of the number", impu, "tel:+12125550142"],
  ];
  test.each(twisted)(
    "EPC-REG-05a GEN-09b %s: 403, on a new socket and on that of her registration, and the core hears nothing",
    async (_, from, to) => {
      const browser = await rig.connect();
      const authorization = `Bearer ${await rig.token()}`;
      const register = (of: { from: string; to: string }, cseq: number): Promise<SipResponse> =>
        browser.agent.send(
          SipRequest.create("REGISTER", "sip:ims.test", [
            ["Max-Forwards", "70"],
            ["From", `<${of.from}>;tag=w1`],
            ["To", `<${of.to}>`],
            ["Call-ID", "twisted@k3v9q0d1xm.invalid"],
            ["CSeq", `${cseq} REGISTER`],
            ["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"],
            ["Authorization", authorization],
          ]),
          browser,
        );
      expect((await register({ from, to }, 1)).status).toBe(403);
      expect(rig.core.got).toHaveLength(0);
      expect((await register({ from: impu, to: impu }, 2)).status).toBe(200);
      expect((await register({ from, to }, 3)).status).toBe(403);
      expect(rig.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(1);
      expect(rig.node.registrations()).toMatchObject([{ impu }]);
    },
  );

  test("EPC-REG-05c EPC-WS-03b SEC-01 a token of another site's page: 403", async () => {
    const browser = await rig.connect({ origin: "https://other.example" });
    expect((await browser.register(await rig.token())).status).toBe(403);
    expect(rig.core.got).toHaveLength(0);
  });

  test("EPC-REG-06 GEN-09b SEC-03b an identity outside the block of the token's site: 403", async () => {
    const browser = await rig.connect();
    expect((await browser.register(await rig.token({ client_id: "talk.other.example" }))).status).toBe(403);
    expect((await browser.register(await rig.token({ tenant: "other" }))).status).toBe(403);
    expect(rig.core.got).toHaveLength(0);
  });

  test("EPC-REG-21b another identity on a live flow: 403", async () => {
    const browser = await rig.connect();
    await browser.register(await rig.token());
    const other = "sip:u0043@acme.ims.test";
    const response = await browser.agent.send(
      rig.core
        .last("REGISTER")
        .clone()
        .remove("Via")
        .remove("Authorization")
        .set("From", `<${other}>;tag=x`)
        .set("To", `<${other}>`)
        .set("Call-ID", "other")
        .set("CSeq", "1 REGISTER")
        .set("Authorization", `Bearer ${await rig.token({ impu: other })}`),
      browser,
    );
    expect(response.status).toBe(403);
  });

  test("EPC-REG-25a EPC-REG-25b a core that challenges: 503 with Reason, no Digest challenge, and an alarm", async () => {
    rig.core.answer = (tx) => tx.reply(401, { headers: [["WWW-Authenticate", 'Digest realm="ims.test", nonce="n"']] });
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    expect(response.status).toBe(503);
    expect(response.get("Reason")).toBe("SIP;cause=401");
    expect(response.has("WWW-Authenticate")).toBe(false);
    expect(rig.alarms).toContain("core.challenged-trusted-node");
  });

  test("EPC-REG-16b a 423 with Min-Expires reaches the browser", async () => {
    rig.core.answer = (tx) => tx.reply(423, { headers: [["Min-Expires", "900"]] });
    const browser = await rig.connect();
    const response = await browser.register(await rig.token());
    expect(response.status).toBe(423);
    expect(response.get("Min-Expires")).toBe("900");
  });

  test("a REGISTER with two Contacts, or none: 400", async () => {
    const browser = await rig.connect();
    const twice = await browser.register(await rig.token(), { contact: "<sip:a@x.invalid>, <sip:b@x.invalid>" });
    expect(twice.status).toBe(400);
    expect((await browser.register(await rig.token(), { contact: "*" })).status).toBe(400);
  });
});

describe("ends", () => {
  test("EPC-DER-01a Expires: 0 goes to the core with auth-done, and nothing is left here", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    await browser.register(token);
    const response = await browser.register(token, { expires: 0 });
    expect(response.status).toBe(200);
    expect(rig.core.last("REGISTER").get("Expires")).toBe("0");
    expect(rig.core.last("REGISTER").get("Authorization")).toContain("auth-done");
    expect(rig.node.counts.registrations).toBe(0);
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "logout", confirmed: true });
  });

  test("EPC-DER-01b Contact * ends the binding of this flow", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    await browser.register(token);
    const response = await browser.register(token, { contact: "*", headers: [["Expires", "0"]] });
    expect(response.status).toBe(200);
    expect(rig.core.last("REGISTER").list("Contact")[0]).toContain("expires=0");
    expect(rig.node.counts.registrations).toBe(0);
  });

  test("EPC-DER-05 a revocation de-registers in the core and closes the socket with a code of its own", async () => {
    const browser = await rig.connect();
    await browser.register(await rig.token());
    rig.revoke({ sessionId: "s1", reason: "logout" });
    expect(await browser.closed).toEqual({ code: 4403, reason: "revoked" });
    const register = rig.core.last("REGISTER");
    expect(register.get("Expires")).toBe("0");
    expect(register.get("Authorization")).toContain("auth-done");
    expect(register.callId).not.toContain(".invalid");
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", confirmed: true });
  });

  test("EPC-DER-02a EPC-DER-02b a NOTIFY that ends the registration: nothing left, the WAF told, the socket closed", async () => {
    const browser = await rig.connect();
    await browser.register(await rig.token());
    await expect.poll(() => rig.core.got.some(({ method }) => method === "SUBSCRIBE")).toBe(true);
    expect((await notifyEnd(rig)).status).toBe(200);
    expect(await browser.closed).toEqual({ code: 4403, reason: "network" });
    expect(rig.node.counts.registrations).toBe(0);
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "network" });
    expect(rig.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(1);
  });

  test("EPC-DER-01a the core's NOTIFY of a log-out may come before its 200: the browser gets the 200 all the same", async () => {
    const browser = await rig.connect();
    const token = await rig.token();
    await browser.register(token);
    await expect.poll(() => rig.core.got.some(({ method }) => method === "SUBSCRIBE")).toBe(true);
    rig.core.answer = (tx) => void notifyEnd(rig).then(() => grant(rig.core)(tx));
    expect((await browser.register(token, { expires: 0 })).status).toBe(200);
    expect(rig.node.counts.registrations).toBe(0);
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "logout", confirmed: true });
  });

  test("a browser that reconnects with the same instance keeps its Contact in the core, with a new Path", async () => {
    const first = await rig.connect();
    const token = await rig.token();
    await first.register(token);
    const before = rig.core.last("REGISTER");
    const second = await rig.connect();
    await second.register(token);
    const after = rig.core.last("REGISTER");
    expect(after.list("Contact")[0]).toBe(before.list("Contact")[0]);
    expect(after.get("Path")).not.toBe(before.get("Path"));
    expect(await first.closed).toEqual({ code: 4409, reason: "replaced" });
    expect(rig.node.counts.registrations).toBe(1);
  });
});

/** The core's NOTIFY that the registration has ended, as Kamailio tells it: no contact is named. */
function notifyEnd({ core, node }: Rig): Promise<SipResponse> {
  const subscribe = core.last("SUBSCRIBE");
  const request = SipRequest.create(
    "NOTIFY",
    parseNameAddr(subscribe.get("Contact") ?? "").uri,
    [
      ["Max-Forwards", "70"],
      ["From", `<${impu}>;tag=s9`],
      ["To", subscribe.get("From") ?? ""],
      ["Call-ID", subscribe.callId],
      ["CSeq", "4 NOTIFY"],
      ["Event", "reg"],
      ["Subscription-State", "active"],
    ],
    {
      type: "application/reginfo+xml",
      text: `<?xml version="1.0"?><reginfo version="2" state="full"><registration aor="${impu}" id="a" state="terminated"></registration></reginfo>`,
    },
  );
  return core.agent.send(request, core.endpoint.hopTo({ address: "127.0.0.1", port: node.mwPort, protocol: "TCP" }));
}

test("EPC-REG-18b a core that does not answer: 504 when Timer F ends, and an alarm", async () => {
  const clock = new VirtualClock();
  const slow = await openRig({ clock });
  try {
    slow.core.answer = () => undefined;
    const browser = await slow.connect();
    const response = browser.register(await slow.token());
    await expect.poll(() => slow.core.got.length).toBe(1);
    clock.advance(32_000);
    expect((await response).status).toBe(504);
    expect(slow.alarms).toContain("core.unreachable");
  } finally {
    slow.core.answer = grant(slow.core);
    await slow.close();
  }
});

function unsigned(token: string): string {
  const [, payload = ""] = token.split(".");
  const header = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
  return `${header}.${payload}.`;
}
