import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { SipRequest } from "@portico/sip";
import type { SipMessage } from "@portico/sip";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { openSipEndpoint, systemRandom, TransportError } from "../src/index.ts";
import type { RemoteHop, SipEndpoint, SipEndpointOptions } from "../src/index.ts";
import { checkDomain } from "../src/tls.ts";
import { Authority } from "./authority.ts";

interface Peer {
  endpoint: SipEndpoint;
  got: { message: SipMessage; hop: RemoteHop }[];
  closed: RemoteHop[];
  unreached: { error: Error; protocol: string }[];
}

const cleanups: (() => Promise<unknown>)[] = [];
let authority: Authority;
let other: Authority;

beforeAll(async () => {
  authority = await Authority.make();
  other = await Authority.make();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function open(tls: NonNullable<SipEndpointOptions["tls"]>, address = "127.0.0.1"): Promise<Peer> {
  const peer: Omit<Peer, "endpoint"> = { got: [], closed: [], unreached: [] };
  const endpoint = await openSipEndpoint({
    address,
    port: 0,
    tls,
    onMessage: (message, hop) => peer.got.push({ message, hop }),
    onHopClosed: (hop) => peer.closed.push(hop),
    onUnreached: (error, _, protocol) => peer.unreached.push({ error, protocol }),
  });
  cleanups.push(() => endpoint.close());
  return { ...peer, endpoint };
}

function tlsTo(peer: Peer, host?: string) {
  const { address, tlsPort = 0 } = peer.endpoint;
  return { protocol: "TLS" as const, address, port: tlsPort, ...(host === undefined ? {} : { host }) };
}

function ping(hop: RemoteHop): string {
  return SipRequest.create("OPTIONS", "sip:b@ims.test", [
    ["Via", `SIP/2.0/${hop.protocol} ${hop.sentBy};branch=z9hG4bK${systemRandom.token(8)}`],
    ["From", "<sip:a@ims.test>;tag=1"],
    ["To", "<sip:b@ims.test>"],
    ["Call-ID", systemRandom.token(8)],
    ["CSeq", "1 OPTIONS"],
  ]).toOctets();
}

test.each(["127.0.0.1", "::1"])(
  "EPC-WS-12c carries messages over TLS at %s; the Via names TLS and its port",
  async (at) => {
    const a = await open({ port: 0, ...(await authority.issue([{ type: "dns", value: "edge.ims.test" }])) }, at);
    const b = await open({ port: 0, ...(await authority.issue([{ type: "dns", value: "ims.test" }])) }, at);
    const hop = a.endpoint.hopTo(tlsTo(b, "ims.test"));
    expect([hop.protocol, hop.reliable]).toEqual(["TLS", true]);
    expect(hop.sentBy).toBe(at === "::1" ? `[::1]:${a.endpoint.tlsPort}` : `${at}:${a.endpoint.tlsPort}`);
    hop.send(ping(hop));
    await expect.poll(() => b.got).toHaveLength(1);
    const [first] = b.got;
    expect(first?.hop.protocol).toBe("TLS");
    expect(first?.message.topVia.protocol).toBe("TLS");
    // And the way back, on the same connection.
    first?.hop.send(ping(first.hop));
    await expect.poll(() => a.got).toHaveLength(1);
    expect(a.got[0]?.hop).toBe(hop);
  },
);

test.each([
  ["another domain", [{ type: "dns", value: "other.test" }], "authority"],
  ["a wildcard", [{ type: "dns", value: "*.test" }], "authority"],
  [
    "a DNS name beside the URI of another domain",
    [
      { type: "dns", value: "ims.test" },
      { type: "url", value: "sip:other.test" },
    ],
    "authority",
  ],
  ["the right name of an unknown authority", [{ type: "dns", value: "ims.test" }], "other"],
] as const)("EPC-WS-12c a server with %s gets nothing", async (_, names, issuer) => {
  const a = await open({ port: 0, ...(await authority.issue([{ type: "dns", value: "edge.ims.test" }])) });
  const issued = await (issuer === "authority" ? authority : other).issue([...names]);
  const b = await open({ port: 0, ...issued });
  const failed = vi.fn<() => void>();
  const hop = a.endpoint.hopTo(tlsTo(b, "ims.test")) as RemoteHop & {
    send(octets: string, failed: () => void): boolean;
  };
  hop.send(ping(hop), failed);
  await expect.poll(() => failed).toHaveBeenCalledOnce();
  expect(a.closed).toEqual([hop]);
  expect(a.unreached.map(({ protocol }) => protocol)).toEqual(["TLS"]);
  expect(a.unreached[0]?.error.message).toMatch(issuer === "authority" ? /not that of ims\.test/ : /certificate/);
  expect(b.got).toEqual([]);
});

test("EPC-WS-12d mutual TLS: a peer without a certificate of the authority is refused, one with it is heard", async () => {
  const b = await open({
    port: 0,
    ...(await authority.issue([{ type: "ip", value: "127.0.0.1" }])),
    requireClientCertificate: true,
  });
  const stranger = await open({
    port: 0,
    ...(await other.issue([{ type: "dns", value: "edge.ims.test" }])),
    ca: authority.ca,
  });
  const bad = stranger.endpoint.hopTo(tlsTo(b));
  bad.send(ping(bad));
  await expect.poll(() => stranger.closed).toHaveLength(1);
  expect(b.unreached).toHaveLength(1);
  expect(b.got).toEqual([]);

  const a = await open({ port: 0, ...(await authority.issue([{ type: "dns", value: "edge.ims.test" }])) });
  const hop = a.endpoint.hopTo(tlsTo(b));
  hop.send(ping(hop));
  await expect.poll(() => b.got).toHaveLength(1);
});

test("a peer that refuses the handshake: its reason is told, without what OpenSSL says of itself", async () => {
  const credentials = await authority.issue([{ type: "ip", value: "127.0.0.1" }]);
  // No cipher for a certificate like that.
  const server = createServer({ ...credentials, maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => void server.close());
  const a = await open({ port: 0, ...credentials });
  const { port } = server.address() as AddressInfo;
  const hop = a.endpoint.hopTo({ protocol: "TLS", address: "127.0.0.1", port });
  hop.send(ping(hop));
  await expect.poll(() => a.unreached.map(({ error }) => error.message)).toEqual(["ssl/tls alert handshake failure"]);
});

test("EPC-WS-12e new credentials hold for new connections, in both directions; those that stand stay", async () => {
  const before = await authority.issue([{ type: "dns", value: "ims.test" }]);
  const b = await open({ port: 0, ...before });
  const a = await open({ port: 0, ...before });
  const hop = a.endpoint.hopTo(tlsTo(b, "ims.test"));
  hop.send(ping(hop));
  await expect.poll(() => b.got).toHaveLength(1);
  expect(() => b.endpoint.setSecureContext({ ...before, key: "no key" })).toThrow(TransportError);
  b.endpoint.setSecureContext(await other.issue([{ type: "dns", value: "ims.test" }]));
  hop.send(ping(hop));
  await expect.poll(() => b.got).toHaveLength(2);
  expect(a.closed).toEqual([]);
  // Another domain asks for another connection, and does not know the new authority yet.
  const c = await open({ port: 0, ...before });
  const refused = c.endpoint.hopTo(tlsTo(b, "ims.test"));
  refused.send(ping(refused));
  await expect.poll(() => c.closed).toHaveLength(1);
  c.endpoint.setSecureContext({ ...before, ca: other.ca });
  refused.send(ping(refused));
  await expect.poll(() => b.got).toHaveLength(3);
});

test("TLS 1.1 is not spoken", async () => {
  const b = await open({ port: 0, ...(await authority.issue([{ type: "dns", value: "ims.test" }])) });
  const { connect } = await import("node:tls");
  const old = connect({
    host: "127.0.0.1",
    port: b.endpoint.tlsPort ?? 0,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ca: authority.ca,
    // What OpenSSL would not even try otherwise.
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  await new Promise<void>((resolve) => old.once("error", () => resolve()));
  await expect.poll(() => b.unreached).toHaveLength(1);
});

test("credentials that cannot be used are named as such, and no port stays bound", async () => {
  const good = await authority.issue([{ type: "dns", value: "ims.test" }]);
  const foreign = await authority.issue([{ type: "dns", value: "ims.test" }]);
  const opening = open({ port: 0, ...good, key: foreign.key });
  await expect(opening).rejects.toMatchObject({ code: "transport/tls-credentials" });
});

const check = (domain: string, subjectaltname: string): boolean =>
  checkDomain(domain, { subjectaltname }) === undefined;

test("RFC 5922 §7: the names of a certificate", () => {
  expect(check("ims.test", "DNS:other.test, DNS:IMS.test")).toBe(true);
  expect(check("ims.test", "DNS:other.test, URI:sip:ims.test")).toBe(true);
  expect(check("ims.test", "URI:sip:someone@ims.test")).toBe(false);
  // A URI with a user is no domain's: DNS names count then.
  expect(check("ims.test", "URI:sip:someone@other.test, DNS:ims.test")).toBe(true);
  expect(check("ims.test", "URI:sips:ims.test")).toBe(false);
  expect(check("a.ims.test", "DNS:*.ims.test, DNS:ims.test")).toBe(false);
  expect(check("ims.test", 'URI:"sip:x.test, DNS:ims.test"')).toBe(false);
  expect(check("192.0.2.1", "DNS:192.0.2.1")).toBe(false);
  expect(check("192.0.2.1", "IP Address:192.0.2.1")).toBe(true);
  expect(check("2001:db8::1", "IP Address:2001:DB8:0:0:0:0:0:1")).toBe(true);
  expect(check("ims.test", "")).toBe(false);
});
