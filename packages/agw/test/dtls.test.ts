import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { openDtls, type Dtls, type DtlsOptions, type DtlsResult } from "../src/embedded/dtls.ts";
import { createCertificate, matchesFingerprint, type LocalCertificate } from "../src/embedded/dtls/certificate.ts";
import { createKeyShare } from "../src/embedded/dtls/keyExchange.ts";
import { frameMessage } from "../src/embedded/dtls/reassembly.ts";
import { readRecords, writeRecord } from "../src/embedded/dtls/record.ts";
import { prf } from "../src/embedded/dtls/keySchedule.ts";
import type { SrtpProfileName } from "../src/index.ts";
import { until } from "./support/until.ts";
import { openWerift } from "./support/weriftDtls.ts";

type Role = "client" | "server";
const profiles: SrtpProfileName[] = ["SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AEAD_AES_128_GCM"];
const certificates = { client: createCertificate(), server: createCertificate() };
const opened: Dtls[] = [];

afterEach(() => {
  for (const end of opened.splice(0)) end.close();
});

interface End {
  readonly dtls: Dtls;
  readonly results: DtlsResult[];
  readonly endings: string[];
}

function open(role: Role, send: (datagram: Buffer) => void, options: Partial<DtlsOptions> = {}): End {
  const results: DtlsResult[] = [];
  const endings: string[] = [];
  const dtls = openDtls(role, {
    certificate: certificates[role],
    profiles,
    timeoutMs: 5000,
    send,
    onConnected: (result) => results.push(result),
    onEnded: (cause, message) => endings.push(`${cause}: ${message}`),
    ...options,
  });
  opened.push(dtls);
  return { dtls, results, endings };
}

/** What becomes of a datagram on its way: none, one or several, in the order given. */
type Link = (datagram: Buffer, from: Role) => Buffer[];

function connect(
  link: Link = (datagram) => [datagram],
  options: Partial<Record<Role, Partial<DtlsOptions>>> = {},
): Record<Role, End> {
  const ends: Partial<Record<Role, End>> = {};
  const send = (from: Role, to: Role) => (datagram: Buffer) => {
    for (const piece of link(datagram, from)) setImmediate(() => ends[to]?.dtls.receive(piece));
  };
  const server = open("server", send("server", "client"), options.server);
  ends.server = server;
  const client = open("client", send("client", "server"), options.client);
  ends.client = client;
  return { client, server };
}

const bothDone = ({ client, server }: Record<Role, End>): boolean =>
  client.results.length + server.results.length === 2;

test("AGW-06a client and server agree on SRTP keys and know each other's certificate", async () => {
  const ends = connect();
  await until("connected", () => bothDone(ends));
  const [client, server] = [ends.client.results[0], ends.server.results[0]];
  expect(client?.profile).toBe("SRTP_AES128_CM_HMAC_SHA1_80");
  expect(client?.local).toEqual(server?.remote);
  expect(client?.remote).toEqual(server?.local);
  expect(client?.remoteCertificate).toEqual(certificates.server.der);
  expect(server?.remoteCertificate).toEqual(certificates.client.der);
});

test("AGW-06b the server's order decides between the SRTP profiles both know", async () => {
  const ends = connect(undefined, { server: { profiles: ["SRTP_AEAD_AES_128_GCM"] } });
  await until("connected", () => bothDone(ends));
  expect(ends.client.results[0]?.profile).toBe("SRTP_AEAD_AES_128_GCM");
  expect(ends.client.results[0]?.local.salt.length).toBe(12);
});

test.each<Role>(["client", "server"])("AGW-06a another implementation is the %s", async (role) => {
  const ends: { ours?: End } = {};
  const other = await openWerift(role, (datagram) => setImmediate(() => ends.ours?.dtls.receive(datagram)));
  ends.ours = open(role === "client" ? "server" : "client", (datagram) => setImmediate(() => other.receive(datagram)));
  await other.connected;
  await until("connected", () => ends.ours?.results.length === 1);
  const keys = other.keys();
  expect(ends.ours.results[0]?.local.key).toEqual(keys.remote);
  expect(ends.ours.results[0]?.remote.key).toEqual(keys.local);
});

function u16(...values: number[]): Buffer {
  const out = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) out.writeUInt16BE(value, 2 * index);
  return out;
}

/** A hello of a client that can no more than this. */
function hello(suites: number[], groupNumbers: number[], extra: readonly (readonly [number, string])[] = []): Buffer {
  const extension = (type: number, content: Buffer): Buffer => Buffer.concat([u16(type, content.length), content]);
  const extensions = Buffer.concat([
    extension(10, u16(2 * groupNumbers.length, ...groupNumbers)),
    extension(13, u16(2, 0x0403)),
    extension(14, Buffer.concat([u16(2, 1), Buffer.alloc(1)])),
    extension(23, Buffer.alloc(0)),
    ...extra.map(([type, content]) => extension(type, Buffer.from(content, "hex"))),
  ]);
  const body = Buffer.concat([
    u16(0xfefd),
    Buffer.alloc(32, 7),
    Buffer.alloc(2),
    u16(2 * suites.length, ...suites),
    Buffer.from([1, 0]),
    u16(extensions.length),
    extensions,
  ]);
  return writeRecord(22, 0, 0, frameMessage(1, 0, body));
}

/** What a server answers it: alert description, or the group of its key exchange. */
function answerTo(datagram: Buffer): { alert?: number; group?: number } {
  const sent: Buffer[] = [];
  open("server", (one) => sent.push(one)).dtls.receive(datagram);
  for (const { type, payload } of sent.flatMap(readRecords)) {
    if (type === 21) return { alert: payload[1] ?? -1 };
    if (payload[0] === 12) return { group: payload.readUInt16BE(13) };
  }
  return {};
}

const [ecdsaGcm, rsaGcm, ecdsaNull] = [0xc02b, 0xc02f, 0xc006];

test("AGW-06a P-256 and X25519 are used, among groups and suites that are unknown", () => {
  // X25519MLKEM768 and a GREASE value come first with browsers.
  expect(answerTo(hello([0x1301, ecdsaGcm], [0x11ec, 0x1a1a, 23]))).toEqual({ group: 23 });
  expect(answerTo(hello([ecdsaGcm], [23, 29]))).toEqual({ group: 29 });
  // DTLS 1.3 and 1.2 offered.
  expect(answerTo(hello([ecdsaGcm], [23], [[43, "04fefcfefd"]]))).toEqual({ group: 23 });
});

test("AGW-06a without a common suite, group or version the handshake is refused: no NULL, nothing older", () => {
  expect(answerTo(hello([ecdsaNull], [23]))).toEqual({ alert: 40 });
  expect(answerTo(hello([rsaGcm], [23]))).toEqual({ alert: 40 });
  expect(answerTo(hello([ecdsaGcm], [24]))).toEqual({ alert: 40 });
  expect(answerTo(hello([ecdsaGcm], [23], [[43, "02fefc"]]))).toEqual({ alert: 70 });
});

test("AGW-06a key shares agree; invalid ones are refused", () => {
  for (const group of [23, 29]) {
    const [one, other] = [createKeyShare(group), createKeyShare(group)];
    expect(one.agree(other.publicKey)).toEqual(other.agree(one.publicKey));
    for (const bad of [Buffer.alloc(0), Buffer.alloc(32), Buffer.alloc(65, 4)]) {
      expect(() => one.agree(bad)).toThrow("key share is invalid");
    }
  }
  expect(() => createKeyShare(24)).toThrow("not offered");
});

test("AGW-06a a hello after the handshake is not answered: no renegotiation", async () => {
  const fromClient: Buffer[] = [];
  let fromServer = 0;
  const ends = connect((datagram, from) => {
    if (from === "client") fromClient.push(datagram);
    else fromServer += 1;
    return [datagram];
  });
  await until("connected", () => bothDone(ends));
  const before = fromServer;
  ends.server.dtls.receive(fromClient[0] ?? Buffer.alloc(0));
  ends.server.dtls.receive(hello([ecdsaGcm], [23]));
  expect(fromServer).toBe(before);
  expect(ends.server.endings).toEqual([]);
});

/** Cuts the handshake messages of epoch 0 into fragments of so many octets, each in a datagram of its own. */
function shred(datagram: Buffer, size: number): Buffer[] {
  let sequence = datagram.readUIntBE(5, 6) * 1000;
  return readRecords(datagram).flatMap(({ type, epoch, payload, number }) => {
    if (type !== 22 || epoch !== 0) {
      const whole = Buffer.concat([Buffer.from([type, 0xfe, 0xfd]), number, Buffer.alloc(2), payload]);
      whole.writeUInt16BE(payload.length, 11);
      return [whole];
    }
    const body = payload.subarray(12);
    const pieces: Buffer[] = [];
    for (let at = 0; at === 0 || at < body.length; at += size) {
      const piece = body.subarray(at, at + size);
      const header = Buffer.from(payload.subarray(0, 12));
      header.writeUIntBE(at, 6, 3);
      header.writeUIntBE(piece.length, 9, 3);
      pieces.push(writeRecord(22, 0, sequence++, Buffer.concat([header, piece])));
    }
    return pieces;
  });
}

test("AGW-06a messages in fragments, the last first, are put together", async () => {
  const ends = connect((datagram) => shred(datagram, 20).toReversed());
  await until("connected", () => bothDone(ends));
  expect(ends.client.results[0]?.local).toEqual(ends.server.results[0]?.remote);
});

test("AGW-06a overlapping and repeated fragments are put together", async () => {
  const ends = connect((datagram) => [...shred(datagram, 64), ...shred(datagram, 40), datagram]);
  await until("connected", () => bothDone(ends));
  expect(ends.client.results[0]?.local).toEqual(ends.server.results[0]?.remote);
});

test("AGW-06a every third datagram is lost: flights are sent again, keys are given once", async () => {
  let count = 0;
  const ends = connect((datagram) => (count++ % 3 === 0 ? [] : [datagram]));
  await until("connected", () => bothDone(ends), 5000);
  expect([ends.client.results.length, ends.server.results.length]).toEqual([1, 1]);
});

test("AGW-06a the server answers a Finished that comes again, and gives no keys again", async () => {
  const fromClient: Buffer[] = [];
  const fromServer: Buffer[] = [];
  const ends = connect((datagram, from) => {
    (from === "client" ? fromClient : fromServer).push(datagram);
    // The server's last flight is lost.
    return from === "server" && readRecords(datagram).some(({ epoch }) => epoch === 1) ? [] : [datagram];
  });
  await until("the client sends its last flight thrice", () => fromClient.length >= 4, 5000);
  expect(ends.server.results.length).toBe(1);
  expect(fromServer.filter((datagram) => datagram[0] === 20).length).toBeGreaterThan(1);
});

const stolen: LocalCertificate = { ...certificates.client, key: createCertificate().key };

test("AGW-07a a client with another's certificate and not its key is refused", async () => {
  const ends = connect(undefined, { client: { certificate: stolen } });
  await until("refused", () => ends.server.endings.length > 0);
  expect(ends.server.endings).toEqual(["handshake: The peer does not hold the key of its certificate"]);
  expect(ends.server.results).toEqual([]);
  await until("told", () => ends.client.endings.length > 0);
  expect(ends.client.endings).toEqual(["handshake: The peer sent alert 51"]);
});

test("AGW-07a a server with another's certificate and not its key is refused", async () => {
  const ends = connect(undefined, { server: { certificate: stolen } });
  await until("refused", () => ends.client.endings.length > 0);
  expect(ends.client.results).toEqual([]);
});

test("AGW-06a a handshake changed on the way fails: the hello's SRTP profiles", async () => {
  const ends = connect((datagram, from) => {
    const at = datagram.indexOf(Buffer.from("000e0007000400010007", "hex"));
    if (from === "client" && at > 0) datagram.writeUInt16BE(0x0099, at + 6);
    return [datagram];
  });
  await until("refused", () => ends.server.endings.length > 0);
  expect(ends.server.results).toEqual([]);
});

test("a handshake that gets nowhere ends in time", async () => {
  const { server } = connect((_datagram, from) => (from === "server" ? [] : []), { server: { timeoutMs: 50 } });
  await until("timed out", () => server.endings.length > 0);
  expect(server.endings).toEqual(["handshake: The handshake took too long"]);
});

test("close_notify ends the other side, once", async () => {
  const ends = connect();
  await until("connected", () => bothDone(ends));
  ends.client.dtls.close();
  ends.client.dtls.close();
  await until("ended", () => ends.server.endings.length > 0);
  expect(ends.server.endings).toEqual(["closed: The peer sent alert 0"]);
  expect(ends.client.endings).toEqual([]);
});

test("after the handshake nothing unauthentic counts", async () => {
  const ends = connect();
  await until("connected", () => bothDone(ends));
  ends.server.dtls.receive(writeRecord(21, 0, 99, Buffer.from([2, 40])));
  ends.server.dtls.receive(writeRecord(21, 1, 99, Buffer.alloc(40, 1)));
  ends.server.dtls.receive(writeRecord(22, 0, 99, Buffer.alloc(40, 1)));
  expect(ends.server.endings).toEqual([]);
});

test("no datagram makes an end throw, and none that is made up completes a handshake", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
      fc.integer({ min: 20, max: 23 }),
      (all, type) => {
        const server = open("server", () => undefined);
        for (const [sequence, octets] of all.entries()) {
          server.dtls.receive(Buffer.from(octets));
          server.dtls.receive(writeRecord(type, 0, sequence, Buffer.from(octets)));
        }
        server.dtls.close();
        expect(server.results).toEqual([]);
      },
    ),
    { numRuns: 50 },
  );
});

test("a handshake with one octet changed anywhere never throws", async () => {
  const datagrams: Buffer[] = [];
  const ends = connect((datagram, from) => {
    if (from === "client") datagrams.push(Buffer.from(datagram));
    return [datagram];
  });
  await until("connected", () => bothDone(ends));
  const [first = Buffer.alloc(0)] = datagrams;
  for (let at = 0; at < first.length; at++) {
    const server = open("server", () => undefined);
    const changed = Buffer.from(first);
    changed[at] = 0xff;
    expect(() => server.dtls.receive(changed)).not.toThrow();
    server.dtls.close();
  }
});

test("the certificate is self-signed, of P-256, and its fingerprint is SHA-256 over it", () => {
  const { der, fingerprint } = createCertificate();
  const certificate = new X509Certificate(der);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(certificate.fingerprint256).toBe(fingerprint.value);
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now());
});

test("AGW-07a of several fingerprints those of the strongest hash count", () => {
  const { der, fingerprint } = certificates.client;
  const wrong = { algorithm: "SHA-256", value: fingerprint.value.replaceAll(/[1-9]/g, "0") };
  const strong = { algorithm: "sha-512", value: new X509Certificate(der).fingerprint512 };
  const lower = { algorithm: "sha-256", value: fingerprint.value.toLowerCase() };
  expect(matchesFingerprint(der, [wrong, lower])).toBe(true);
  expect(matchesFingerprint(der, [wrong, strong])).toBe(true);
  expect(matchesFingerprint(der, [wrong])).toBe(false);
  expect(matchesFingerprint(der, [fingerprint, { ...strong, value: wrong.value }])).toBe(false);
  expect(matchesFingerprint(der, [{ algorithm: "sha-1", value: new X509Certificate(der).fingerprint }])).toBe(false);
});

test("the pseudo-random function is P_SHA256 of RFC 5246", () => {
  // The well-known vector that TLS implementations share.
  const secret = Buffer.from("9bbe436ba940f017b17652849a71db35", "hex");
  const seed = Buffer.from("a0ba9f936cda311827a6f796ffd5198c", "hex");
  expect(prf(secret, "test label", seed, 100).toString("hex")).toBe(
    "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
  );
});
