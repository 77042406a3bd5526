import { CompactEncrypt, createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";
import { beforeAll, expect, test } from "vitest";
import { JwtVerifier } from "../src/index.ts";

const issuer = "https://portal.ims.test/waf";
let signing: { publicKey: CryptoKey; privateKey: CryptoKey };
let own: { publicKey: CryptoKey; privateKey: CryptoKey };
let verifier: JwtVerifier;

beforeAll(async () => {
  signing = await generateKeyPair("ES256", { extractable: true });
  own = await generateKeyPair("ECDH-ES", { extractable: true });
  verifier = new JwtVerifier({
    issuer,
    audience: "sip:ims.test",
    keys: createLocalJWKSet({ keys: [{ ...(await exportJWK(signing.publicKey)), alg: "ES256" }] }),
    decryptionKeys: () => own.privateKey,
    now: Date.now,
  });
});

const signed = (claims = {}): Promise<string> =>
  new SignJWT({
    client_id: "talk.acme.example",
    tenant: "acme",
    sid: "s1",
    scope: "ims.register ims.voice",
    impu: "sip:u1@acme.ims.test",
    origins: ["https://talk.acme.example"],
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience("sip:ims.test")
    .setSubject("p-1")
    .setJti("t1")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(signing.privateKey);

const sealed = async (inner: string, header = {}): Promise<string> =>
  await new CompactEncrypt(new TextEncoder().encode(inner))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", cty: "JWT", ...header })
    .encrypt(own.publicKey);

test("WAF-04c EPC-REG-04a a token nested in a JWE for this node is opened, then verified like any other", async () => {
  const claims = await verifier.verify(await sealed(await signed({ restr: { mo: ["national"], max_sessions: 2 } })));
  expect(claims).toMatchObject({ impu: "sip:u1@acme.ims.test", restrictions: { mo: ["national"], maxSessions: 2 } });
});

test.each([
  [
    "for another node's key",
    async () => {
      const { publicKey } = await generateKeyPair("ECDH-ES");
      const header = { alg: "ECDH-ES", enc: "A256GCM", cty: "JWT" };
      return await new CompactEncrypt(new TextEncoder().encode(await signed()))
        .setProtectedHeader(header)
        .encrypt(publicKey);
    },
  ],
  ["that holds no JWT", async () => await sealed(await signed(), { cty: "text/plain" })],
  ["that holds an unsigned JWT", async () => await sealed("eyJhbGciOiJub25lIn0.eyJpbXB1IjoieCJ9.")],
  ["that holds another JWE", async () => await sealed(await sealed(await signed()))],
  ["with five empty parts", async () => "...."],
])("WAF-04c EPC-REG-04a a JWE %s is refused", async (_, token) => {
  await expect(verifier.verify(await token())).rejects.toMatchObject({ code: "invalid_token" });
});

test("EPC-REG-04a a token is verified once, however often it is shown; a changed or refused one is not known from then on", async () => {
  const known = createLocalJWKSet({ keys: [{ ...(await exportJWK(signing.publicKey)), alg: "ES256" }] });
  let looked = 0;
  const keys: typeof known = Object.assign((...of: Parameters<typeof known>) => {
    looked += 1;
    return known(...of);
  }, known);
  const counting = new JwtVerifier({ issuer, audience: "sip:ims.test", keys, now: Date.now });
  const token = await signed();
  const claims = await counting.verify(token);
  expect(await counting.verify(token)).toBe(claims);
  expect(looked).toBe(1);
  // Another signature over other claims, in the place of the known one.
  const [head, payload, signature] = token.split(".");
  const [, other] = (await signed({ impu: "sip:u2@acme.ims.test" })).split(".");
  for (const forged of [
    `${head}.${other}.${signature}`,
    `${head}.${payload}.${signature?.split("").toReversed().join("")}`,
  ]) {
    for (let turn = 0; turn < 2; turn += 1) {
      await expect(counting.verify(forged)).rejects.toMatchObject({ code: "invalid_token" });
    }
  }
  expect(looked).toBe(5);
});

test("a node without a key of its own takes signed tokens only", async () => {
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(signing.publicKey)), alg: "ES256" }] });
  const plain = new JwtVerifier({ issuer, audience: "sip:ims.test", keys, now: Date.now });
  await expect(plain.verify(await sealed(await signed()))).rejects.toMatchObject({ code: "invalid_token" });
  expect((await plain.verify(await signed())).restrictions).toBeUndefined();
});
