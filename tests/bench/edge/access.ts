import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type JWTVerifyGetKey, type JWK } from "jose";

export const homeDomain = "ims.test";
export const issuer = "https://portal.ims.test/waf";
export const site = "https://talk.acme.example";
export const clientId = "talk.acme.example";
export const tenant = "acme";

/** The number of a user is all there is to a user here: that many identities of a block's are before hers. */
export const impuOf = (user: number): string => `sip:u${String(user + 1).padStart(4, "0")}@acme.ims.test`;
/** The lease under which she is signed in. */
export const sessionOf = (user: number): string => `s${user}`;

/** Signs access tokens as the WAF does (RFC 9068, ES256). */
export async function openIssuer(): Promise<{ jwk: JWK; token: (user: number) => Promise<string> }> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  return {
    jwk: { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" },
    token: (user) =>
      new SignJWT({
        client_id: clientId,
        tenant,
        sid: sessionOf(user),
        scope: "ims.register ims.voice",
        impu: impuOf(user),
        origins: [site],
      })
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "k1" })
        .setIssuer(issuer)
        .setAudience(`sip:${homeDomain}`)
        .setSubject(`p-${user}`)
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey),
  };
}

export const keySet = (jwk: JWK): JWTVerifyGetKey => createLocalJWKSet({ keys: [jwk] });
