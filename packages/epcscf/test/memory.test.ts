import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from "jose";
import { parseMessage, type SipRequest, type SipResponse } from "@portico/sip";
import { expect, test } from "vitest";
import { held } from "../../sip/test/memory.ts";
import { JwtVerifier } from "../src/index.ts";
import { askedBinding } from "../src/registration/contact.ts";
import { readGrant } from "../src/registration/grant.ts";

const users = 100;
const filler = `X-Filler: ${"x".repeat(50_000)}`;

const lines = (user: number): string[] => [
  "Via: SIP/2.0/WSS u1.invalid;branch=z9hG4bK1",
  `From: <sip:u${user}@acme.ims.test>;tag=f1`,
  `To: <sip:u${user}@acme.ims.test>;tag=t1`,
  "Call-ID: c1",
  "CSeq: 1 REGISTER",
  `Contact: <sip:u${user}@b1.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-${user}>"`,
  filler,
];

const registerOf = (user: number): SipRequest =>
  parseMessage(
    [
      "REGISTER sip:ims.test SIP/2.0",
      ...lines(user),
      "Max-Forwards: 70",
      "Supported: path, gruu, outbound",
      "",
      "",
    ].join("\r\n"),
  ) as SipRequest;

const okOf = (user: number, serviceRoute: string): SipResponse =>
  parseMessage(
    [
      "SIP/2.0 200 OK",
      ...lines(user),
      `P-Associated-URI: <sip:u${user}@acme.ims.test>, <tel:+12025550${100 + user}>`,
      `Service-Route: ${serviceRoute}`,
      "P-Charging-Vector: icid-value=1;term-ioi=ims.test.of.the.home.network",
      "P-Charging-Function-Addresses: ccf=192.0.2.1;ecf=192.0.2.2",
      "",
      "",
    ].join("\r\n"),
  ) as SipResponse;

const grantOf = (user: number, serviceRoute = "<sip:orig@scscf.ims.test;lr>"): ReturnType<typeof readGrant> =>
  readGrant(okOf(user, serviceRoute), { uri: `sip:u${user}@b1.invalid`, impu: `sip:u${user}@acme.ims.test` }, 600);

test("what is kept of a REGISTER and of its 200 (OK) holds neither message", () => {
  const growth = held(() =>
    Array.from({ length: users }, (_, user) => [askedBinding(registerOf(user), 600), grantOf(user)]),
  );
  expect(growth).toBeLessThan((users * filler.length) / 2);
});

test("what a browser alone says to support is forgotten with it, however long that is", () => {
  const growth = held(() => {
    for (let user = 0; user < users; user += 1) {
      const asked = askedBinding(registerOf(user).set("Supported", `${user}${"x".repeat(50_000)}, path`), 600);
      expect(asked.supported).toHaveLength(50_006 + String(user).length);
    }
    return users;
  });
  expect(growth).toBeLessThan((users * 50_000) / 2);
});

test("what users are granted alike is kept once: by the same S-CSCF, by the token of one web site", async () => {
  const [one, same, other] = [grantOf(1), grantOf(2), grantOf(3, "<sip:orig@other.ims.test;lr>")];
  expect(one.associated).toEqual(["<sip:u1@acme.ims.test>", "<tel:+12025550101>"]);
  expect(one.serviceRoute).toEqual(["<sip:orig@scscf.ims.test;lr>"]);
  expect(same.serviceRoute).toBe(one.serviceRoute);
  expect(other.serviceRoute).toEqual(["<sip:orig@other.ims.test;lr>"]);

  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const issuer = "https://portal.ims.test/waf";
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256" }] });
  const verifier = new JwtVerifier({ issuer, audience: "sip:ims.test", keys, now: Date.now });
  const claimsOf = async (user: number, site = "https://talk.acme.example"): ReturnType<JwtVerifier["verify"]> =>
    await verifier.verify(
      await new SignJWT({
        client_id: "talk.acme.example",
        tenant: "acme",
        sid: `s${user}`,
        scope: "ims.register ims.voice",
        impu: `sip:u${user}@acme.ims.test`,
        origins: [site],
      })
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt" })
        .setIssuer(issuer)
        .setAudience("sip:ims.test")
        .setSubject(`p-${user}`)
        .setJti(`t${user}`)
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey),
    );
  const [mary, ken, away] = [await claimsOf(1), await claimsOf(2), await claimsOf(3, "https://away.acme.example")];
  expect([mary.impu, ken.impu]).toEqual(["sip:u1@acme.ims.test", "sip:u2@acme.ims.test"]);
  expect(ken.scope).toBe(mary.scope);
  expect(ken.origins).toBe(mary.origins);
  expect([mary.origins, away.origins]).toEqual([["https://talk.acme.example"], ["https://away.acme.example"]]);
});
