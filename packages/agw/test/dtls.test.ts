import { expect, test } from "vitest";
import { openDtls, type Dtls, type DtlsResult } from "../src/embedded/dtls.ts";
import { createCertificate, matchesFingerprint } from "../src/embedded/dtls/certificate.ts";
import type { SrtpProfileName } from "../src/mediaPlane.ts";

const profiles: SrtpProfileName[] = ["SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AEAD_AES_128_GCM"];

test("AGW-06 client and server agree on SRTP keys and know each other's certificate", async () => {
  const certificates = { client: createCertificate(), server: createCertificate() };
  const ends: Partial<Record<"client" | "server", Dtls>> = {};
  const open = (role: "client" | "server", to: "client" | "server"): Promise<DtlsResult> =>
    new Promise((resolve, reject) => {
      ends[role] = openDtls(role, {
        certificate: certificates[role],
        profiles,
        timeoutMs: 2000,
        send: (datagram) => setImmediate(() => ends[to]?.receive(datagram)),
        onConnected: resolve,
        onEnded: (_cause, message) => reject(new Error(message)),
      });
    });
  const [server, client] = await Promise.all([open("server", "client"), open("client", "server")]);
  expect(client.profile).toBe("SRTP_AES128_CM_HMAC_SHA1_80");
  expect(client.local).toEqual(server.remote);
  expect(client.remote).toEqual(server.local);
  expect(matchesFingerprint(client.remoteCertificate, [certificates.server.fingerprint])).toBe(true);
  expect(matchesFingerprint(server.remoteCertificate, [certificates.client.fingerprint])).toBe(true);
  ends.client?.close();
  ends.server?.close();
});
