import fc from "fast-check";
import { expect, test } from "vitest";
import { openEmbeddedPlane, type MediaContext, type MediaEvent, type RelayPlan } from "../src/index.ts";
import { createCertificate } from "../src/embedded/dtls/certificate.ts";
import { CorePhone } from "./support/corePhone.ts";
import { ScriptedBrowser } from "./support/scriptedBrowser.ts";
import {
  again,
  browser,
  browserSends,
  codec,
  connect,
  context,
  core,
  coreRemote,
  coreSends,
  events,
  pcma,
  plane,
  reopenBrowser,
  rtp,
  settle,
  settleCore,
  useTestCall,
} from "./support/testCall.ts";
import { until } from "./support/until.ts";

useTestCall();

test("AGW-03c nothing is sent to the browser before a valid pair exists", async () => {
  context.setAccessRemote(browser.describe("passive"));
  context.setCoreRemote(coreRemote());
  context.relay(pcma);
  core.send(rtp(1), context.core);
  await settleCore();
  expect(browser.datagrams).toBe(0);
  browser.shakeHands("server");
  await browser.nominate();
  await until("the handshake begins", () => browser.datagrams > 1);
});

test("AGW-07a another certificate than the SDP's: failed, told to the peer, and no media", async () => {
  context.setAccessRemote({ ...browser.describe(), fingerprints: [createCertificate().fingerprint] });
  context.setCoreRemote(coreRemote());
  context.relay(pcma);
  await browser.connect();
  await until("failed", () => events.length > 0);
  expect(events).toEqual([{ type: "failed", reason: "fingerprint" }]);
  await until("bad_certificate", () => browser.ended === "The peer sent alert 42");
  browser.send({});
  core.send(rtp(1), context.core);
  await settle();
  await settleCore();
  expect([core.received.length, browser.received.length]).toEqual([0, 0]);
  expect(context.stats().connected).toBe(false);
});

test("AGW-07b DTLS done before the description is here: media wait for the fingerprint", async () => {
  context.setCoreRemote(coreRemote());
  context.relay(pcma);
  await browser.connect();
  browser.send({});
  core.send(rtp(1), context.core);
  await settle();
  await settleCore();
  expect([core.received.length, browser.received.length, events.length]).toEqual([0, 0, 0]);
  context.setAccessRemote(browser.describe());
  expect(events).toEqual([{ type: "connected" }]);
  await browserSends({});
  await coreSends(2);
});

test("AGW-07a DTLS done before the description is here, and the wrong one", async () => {
  await browser.connect();
  context.setAccessRemote({ ...browser.describe(), fingerprints: [createCertificate().fingerprint] });
  expect(events).toEqual([{ type: "failed", reason: "fingerprint" }]);
});

test("SDP-08 AGW-19b the browser is passive: the gateway is the DTLS client", async () => {
  context.setAccessRemote(browser.describe("passive"));
  context.setCoreRemote(coreRemote());
  context.relay(pcma);
  browser.shakeHands("server");
  await browser.nominate();
  await until("connected", () => events.length > 0);
  expect(events).toEqual([{ type: "connected" }]);
  await browserSends({});
  await coreSends(1);
});

test("SEC-05b AGW-03a wrong credentials get no answer", async () => {
  context.setAccessRemote(browser.describe());
  browser.check({ pwd: "x".repeat(24) });
  browser.check({ username: `nobody:${browser.credentials.ufrag}` });
  browser.check({ username: `${context.access.ufrag}:other` });
  browser.raw(Buffer.alloc(20));
  browser.check();
  await until("answered", () => browser.answers.length > 0);
  expect(browser.answers.length).toBe(1);
});

test("SEC-05a AGW-03b media go to the nominated address only, and follow a new nomination", async () => {
  await connect();
  await coreSends(1);
  await browser.addAddress();
  browser.check();
  await until("valid, not nominated", () => browser.answers.length > 1);
  await coreSends(20);
  expect(new Set(browser.receivedAt)).toEqual(new Set([0]));
  browser.check({ nominate: true, priority: 2_000_000_000 });
  await until("followed", async () => {
    await coreSends(40);
    return browser.receivedAt.at(-1) === 1;
  });
  // From there it is heard as well.
  await browserSends({});
});

test("SEC-05a DTLS and SRTP from an address that passed no check are ignored", async () => {
  await connect();
  const received = core.received.length;
  await browser.addAddress();
  for (let at = 0; at < 3; at++) browser.send({});
  browser.useAddress(0);
  await settle();
  expect(core.received.length).toBe(received);
});

test("SEC-05a another context cannot take over the address of one that is alive", async () => {
  await connect();
  const other = await plane.open();
  const thief = { ...other.access };
  const before = browser.answers.length;
  // A check for the other context with the first one's source address.
  browser.check({ username: `${thief.ufrag}:evil`, pwd: thief.pwd, nominate: true });
  await settle();
  expect(browser.answers.length).toBe(before + 1);
  await browserSends({});
});

test("AGW-10c AGW-19a core ports are even, RTCP next to them, out of the range given", async () => {
  await again({ corePorts: [45_001, 45_006] });
  expect(context.core.port % 2).toBe(0);
  expect(context.core.port).toBeGreaterThanOrEqual(45_002);
  expect(context.core.rtcpPort).toBe(context.core.port + 1);
  expect(context.core.rtcpPort).toBeLessThanOrEqual(45_006);
});

test("AGW-20a a used-up port range is an error of the catalogue, 503; a closed context frees its ports", async () => {
  await again({ corePorts: [45_010, 45_013] });
  const second = await plane.open();
  await expect(plane.open()).rejects.toMatchObject({ code: "agw/ports-exhausted", status: 503 });
  expect(plane.size).toBe(2);
  second.close();
  second.close();
  expect(plane.size).toBe(1);
  let third: MediaContext | undefined;
  await until("a port is free again", async () => {
    third = await plane.open().catch(() => undefined);
    return third !== undefined;
  });
  expect(third?.core.port).toBe(second.core.port);
});

test("AGW-05 a browser that falls silent is reported, once for each silence", async () => {
  await again({ inactivitySeconds: 0.4 });
  await connect();
  await until("inactive", () => events.length === 2);
  expect(events[1]).toEqual({ type: "inactive", seconds: 0 });
  await settle();
  await until("inactive again", () => events.length === 3);
  expect(events[2]).toMatchObject({ type: "inactive" });
});

test("AGW-19c ICE that never comes is reported as failed", async () => {
  await again({ inactivitySeconds: 0.5 });
  context.setAccessRemote(browser.describe());
  await until("failed", () => events.length > 0);
  expect(events).toEqual([{ type: "failed", reason: "ice" }]);
});

test("AGW-19c a handshake that never comes is reported as failed", async () => {
  await again({ handshakeSeconds: 0.5 });
  context.setAccessRemote(browser.describe());
  await browser.nominate();
  await until("failed", () => events.length > 0);
  expect(events).toEqual([{ type: "failed", reason: "dtls" }]);
});

test("AGW-03b AGW-19b an ICE restart: new credentials, media flow on, the new nomination counts", async () => {
  await connect();
  const before = { ...context.access };
  browser.credentials = { ufrag: "fresh123", pwd: "p".repeat(24) };
  context.setAccessRemote(browser.describe());
  const after = { ...context.access };
  expect(after.ufrag).not.toBe(before.ufrag);
  expect(after.pwd).not.toBe(before.pwd);
  await browserSends({});
  await coreSends(1);
  await browser.addAddress();
  await browser.nominate();
  await coreSends(20);
  expect(browser.receivedAt.at(-1)).toBe(1);
  await browserSends({});
  // The old credentials are void.
  const answers = browser.answers.length;
  browser.check({ username: `${before.ufrag}:x`, pwd: before.pwd });
  await settle();
  expect(browser.answers.length).toBe(answers + 1);
  expect(events).toEqual([{ type: "connected" }]);
});

test("AGW-19a AGW-19b another browser takes over the access side: new ICE, new DTLS, the core side stays", async () => {
  await connect();
  const first = await browserSends({});
  await reopenBrowser();
  context.setAccessRemote(browser.describe());
  core.send(rtp(5), context.core);
  await settleCore();
  expect(context.stats().connected).toBe(false);
  await browser.connect();
  await until("connected again", () => events.length === 2);
  expect(events[1]).toEqual({ type: "connected" });
  const second = await browserSends({});
  expect(second.ssrc).toBe(first.ssrc);
  await coreSends(40);
});

test("AGW-19b a call that failed is taken up again by a restart with new credentials", async () => {
  await again({ handshakeSeconds: 0.5 });
  context.setAccessRemote(browser.describe());
  context.setCoreRemote(coreRemote());
  context.relay(pcma);
  await browser.nominate();
  await until("failed", () => events.length > 0);
  browser.credentials = { ufrag: "fresh123", pwd: "p".repeat(24) };
  context.setAccessRemote(browser.describe());
  await browser.connect();
  await until("connected", () => events.length > 1);
  expect(events).toEqual([{ type: "failed", reason: "dtls" }, { type: "connected" }]);
  await browserSends({});
});

test("the same description again changes nothing", async () => {
  await connect();
  const { ufrag } = context.access;
  context.setAccessRemote(browser.describe());
  context.setCoreRemote(coreRemote());
  context.relay(pcma);
  expect(context.access.ufrag).toBe(ufrag);
  await browserSends({});
  await coreSends(1);
  expect(events.length).toBe(1);
});

test("unusable parameters are errors of the catalogue", async () => {
  const good = browser.describe();
  expect(() => context.setAccessRemote({ ...good, ufrag: "a b" })).toThrow(
    expect.objectContaining({ code: "agw/ice" }),
  );
  expect(() => context.setAccessRemote({ ...good, fingerprints: [{ algorithm: "md5", value: "00" }] })).toThrow(
    expect.objectContaining({ code: "agw/fingerprint" }),
  );
  expect(() => context.setCoreRemote({ address: "phone.example", port: 4000 })).toThrow(
    expect.objectContaining({ code: "agw/address", status: 488 }),
  );
  expect(() => context.setCoreRemote({ address: "::1", port: 4000 })).toThrow("no IP address this socket can reach");
  const mixed: RelayPlan = { ...pcma, audio: [{ access: codec("PCMA", 8), core: codec("G722", 9) }] };
  expect(() => context.relay(mixed)).toThrow(expect.objectContaining({ code: "agw/codec" }));
  context.close();
  expect(() => context.relay(pcma)).toThrow(expect.objectContaining({ code: "agw/closed" }));
  await plane.close();
  await plane.close();
  await expect(plane.open()).rejects.toMatchObject({ code: "agw/closed" });
});

test("a plane that closes while a context opens keeps none of its ports", async () => {
  // Out of the way of other tests, whose planes begin at the lower end of the default range.
  const port = 24_000 + 2 * Math.floor(Math.random() * 4000);
  const onePair = {
    accessAddresses: [{ bind: "127.0.0.1" }],
    accessPort: 0,
    coreAddress: "127.0.0.1",
    corePorts: [port, port + 1],
  } as const;
  const closing = await openEmbeddedPlane(onePair);
  const opening = closing.open();
  await closing.close();
  await expect(opening).rejects.toMatchObject({ code: "agw/closed" });
  const next = await openEmbeddedPlane(onePair);
  try {
    await expect(next.open()).resolves.toMatchObject({ core: { port } });
  } finally {
    await next.close();
  }
});

test("credentials have the size of RFC 8839, are random, and candidates are of type host, loopback last", async () => {
  await again({ accessAddresses: [{ bind: "127.0.0.1" }, { bind: "127.0.0.2", advertise: "203.0.113.5" }] });
  const other = await plane.open();
  expect(context.access.ufrag).toMatch(/^[A-Za-z0-9+/]{4,32}$/);
  expect(context.access.pwd).toMatch(/^[A-Za-z0-9+/]{22,256}$/);
  expect(other.access.ufrag).not.toBe(context.access.ufrag);
  expect(context.access.candidates.map(({ type, component, transport }) => [type, component, transport])).toEqual([
    ["host", 1, "udp"],
    ["host", 1, "udp"],
  ]);
  expect(context.access.candidates[1]?.address).toBe("203.0.113.5");
});

test("a listener that throws stops neither media nor the others", async () => {
  const warnings: string[] = [];
  const keep = (warning: Error): void => {
    warnings.push(warning.message);
  };
  process.on("warning", keep);
  const seen: MediaEvent[] = [];
  const off = context.on(() => {
    throw new Error("a listener's fault");
  });
  context.on((event) => seen.push(event));
  await connect();
  off();
  expect(seen).toEqual([{ type: "connected" }]);
  await until("a warning", () => warnings.includes("a listener's fault"));
  process.off("warning", keep);
});

test("AGW-20b a flood is cut to what a call may send, from either side, and the call goes on", async () => {
  await connect();
  await browserSends({});
  const before = { core: core.received.length, browser: browser.received.length };
  const since = performance.now();
  const payload = Buffer.alloc(160);
  for (let at = 0; at < 1000 || context.stats().dropped.rate === 0; at++) {
    browser.send({ payload });
    core.send(rtp(100 + at, { payload }), context.core);
    // Let the sockets breathe: the limit, not a full buffer, is to drop them.
    if (at % 20 === 0) await settle();
  }
  await settle();
  // Two hundred a second, and at first those of two seconds.
  const most = 400 + (200 * (performance.now() - since)) / 1000 + 1;
  expect(core.received.length - before.core).toBeLessThanOrEqual(most);
  expect(browser.received.length - before.browser).toBeLessThanOrEqual(most);
  await until("the call goes on", () => {
    browser.send({ payload: Buffer.from("after the flood") });
    return core.received.at(-1)?.payload.toString() === "after the flood";
  });
});

test("AGW-20c a context that nobody uses is closed in time; one that is used is not", async () => {
  await again({ staleSeconds: 0.4 });
  const unused = await plane.open();
  context.setAccessRemote(browser.describe());
  await until("the unused one is gone", () => {
    browser.check();
    return plane.size === 1;
  });
  expect(() => unused.relay(pcma)).toThrow(expect.objectContaining({ code: "agw/closed" }));
  expect(() => context.relay(pcma)).not.toThrow();
});

test("AGW-19c a page that closes its connection is reported by its silence; media stop at once", async () => {
  await again({ inactivitySeconds: 0.4 });
  await connect();
  await coreSends(1);
  browser.hangUp();
  await until("not connected", () => !context.stats().connected);
  core.send(rtp(50), context.core);
  await settleCore();
  expect(context.stats().dropped.gate).toBeGreaterThan(0);
  await until("inactive", () => events.length === 2);
  expect(events[1]?.type).toBe("inactive");
});

test("AGW-21 browsers over IPv6, core over IPv4", async () => {
  await again({ accessAddresses: [{ bind: "::1" }] });
  expect(context.access.candidates[0]?.address).toBe("::1");
  await connect();
  await browserSends({});
  await coreSends(1);
});

test("AGW-21 browsers over IPv4, core over IPv6", async () => {
  await again({ coreAddress: "::1" });
  context.setAccessRemote(browser.describe());
  const six = await CorePhone.open("::1");
  context.setCoreRemote({ address: "0:0:0:0:0:0:0:1", port: six.port });
  context.relay(pcma);
  await browser.connect();
  await until("connected", () => events.length > 0);
  browser.send({});
  await until("the core hears the browser", () => six.received.length > 0);
  six.send(rtp(1), context.core);
  await until("the browser hears the core", () => browser.received.length > 0);
  expect(context.stats().dropped.source).toBe(0);
  six.close();
});

test("noise at every port stops nothing", async () => {
  await connect();
  const stranger = await CorePhone.open();
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.constantFrom(0, 1, 20, 22, 23, 128, 129, 144, 200),
      (octets, first) => {
        const noise = Buffer.concat([Buffer.from([first]), octets]);
        browser.raw(noise);
        core.send(noise, context.core);
        core.control.send(noise, context.core.rtcpPort, context.core.address);
        stranger.send(noise, context.core);
        stranger.send(noise, context.access);
      },
    ),
  );
  await settle();
  await browserSends({});
  await coreSends(5000);
  expect(events).toEqual([{ type: "connected" }]);
  stranger.close();
});

test("contexts leave nothing behind", async () => {
  for (let round = 0; round < 30; round++) {
    const one = await plane.open();
    const other = await ScriptedBrowser.open(one);
    await other.nominate();
    one.close();
    other.close();
  }
  expect(plane.size).toBe(1);
  browser.close();
  context.close();
  expect(plane.size).toBe(0);
  await reopenBrowser();
  // Its ufrag is gone: nobody answers. The next context does.
  browser.check();
  const next = await plane.open();
  const last = await ScriptedBrowser.open(next);
  await last.nominate();
  expect(browser.answers.length).toBe(0);
  last.close();
});
