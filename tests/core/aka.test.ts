import { startLab, Usim, type Lab } from "@portico/lab";
import { parseCredentials, parseMessage } from "@portico/sip";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { PortalUnderTest } from "./portalUnderTest.ts";
import type { WebPhone } from "./webPhone.ts";

// Scenario 1 of TS 23.228 Annex U with a USIM: IMS AKA by HTTP Digest AKAv2-SHA-256 inside TLS (TS 33.203 §X.2). On the lab alone:
// Kamailio's S-CSCF knows neither that algorithm nor `tls-connected`.

const anna = { impi: "anna@ims.test", impu: "sip:anna@ims.test" };
const key = {
  k: Buffer.from("465b5ce8b199b49faa5f0a2ee238a6bc", "hex"),
  opc: Buffer.from("cd63cb71954a9f4e48a5994e37a02baf", "hex"),
};

let lab: Lab;
let under: PortalUnderTest;
const phones: WebPhone[] = [];

beforeAll(async () => {
  lab = await startLab({ subscriptions: [{ ...anna, aka: key }], trusted: ["127.0.0.1"] });
  const core = {
    entryPoints: [`sip:127.0.0.1:${lab.icscf.port}`],
    portal: { address: "127.0.0.1", port: 0 },
    peers: ["127.0.0.1"],
  };
  under = await PortalUnderTest.start(core, "TCP", {});
});
afterEach(async () => {
  for (const phone of phones.splice(0)) phone.drop();
  lab.deregister(anna.impu);
  await bound(0);
  lab.wire.clear();
});
afterAll(async () => {
  await under?.close();
  await lab?.close();
});

const bound = (count: number): Promise<number> =>
  eventually(
    () => lab.registrations.flatMap(({ contacts }) => contacts).length,
    (contacts) => contacts === count,
  );

async function phoneWith(usim: Pick<Usim, "answer">): Promise<WebPhone> {
  const phone = await under.ownPhone({ ...anna, usim });
  phones.push(phone);
  return phone;
}

/** The Authorization of each REGISTER at the S-CSCF. */
const arrived = (): ReadonlyMap<string, string | undefined>[] =>
  lab.wire.find("REGISTER", "S-CSCF", "in").map(({ octets }) => {
    const credentials = parseCredentials(parseMessage(octets).get("Authorization") ?? "");
    return credentials.scheme === "digest" ? credentials.params : new Map();
  });
const integrity = (): (string | undefined)[] => arrived().map((params) => params.get("integrity-protected"));
/** How many vectors the HSS has made, and so the last one's number. */
const madeNow = (): number => lab.cx.filter(({ command }) => command === "MAR").length;

test("EPC-REG-24b a user with a USIM is challenged by AKA, registers, refreshes, is called and leaves; no session key reaches her page", async () => {
  const phone = await phoneWith(new Usim(key, madeNow()));
  expect((await phone.register()).status).toBe(401);
  const [challenge] = phone.challenges;
  expect(Object.fromEntries(challenge ?? [])).toEqual({
    realm: "ims.test",
    nonce: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
    algorithm: "AKAv2-SHA-256",
    qop: "auth",
  });
  expect((await phone.register()).status).toBe(200);
  await bound(1);
  expect(arrived().map((params) => params.get("nonce"))).toEqual(["", challenge?.get("nonce")]);
  const { ended } = await lab.dial({ from: "+12025550120", to: anna.impu });
  expect((await ended).status).toBe(603);
  expect(phone.calls).toHaveLength(1);
  // A password of AKA is used once.
  for (const expires of [600, 0]) {
    expect((await phone.register(expires)).status).toBe(401);
    expect((await phone.register(expires)).status).toBe(200);
  }
  expect(integrity()).toEqual(Array(6).fill("tls-connected"));
  await bound(0);
  expect(lab.violations).toEqual([]);
});

test("EPC-REG-24b a USIM that has seen later numbers has the HSS go on after them", async () => {
  const phone = await phoneWith(new Usim(key, 4_000_000));
  expect((await phone.register()).status).toBe(401);
  expect((await phone.register()).status, "AUTS is answered by a new challenge").toBe(401);
  const [, resync] = arrived();
  expect(resync?.get("auts")).toMatch(/^[A-Za-z0-9+/]{19}=$/);
  expect((await phone.register()).status).toBe(200);
  await bound(1);
});

test("EPC-REG-24b a USIM with another key is told that the network is not hers; a response made up gets 403", async () => {
  const other = { ...key, k: Buffer.from("00000000b199b49faa5f0a2ee238a6bc", "hex") };
  const phone = await phoneWith(new Usim(other));
  expect((await phone.register()).status).toBe(401);
  await expect(phone.register()).rejects.toThrow("MAC failure");
  const careless = await phoneWith({ answer: () => ({ password: "guessed" }) });
  expect((await careless.register()).status).toBe(401);
  expect((await careless.register()).status).toBe(403);
  await bound(0);
});
