import fc from "fast-check";
import { expect, test } from "vitest";
import { checkTenant, type TenantDocument } from "../src/index.ts";
import { acme, acmeBlock, acmeClientId, acmeIssuer, keys } from "./world.ts";

const [client] = acme.clients;
const [provider] = acme.identityProviders;
if (client === undefined || provider === undefined) throw new Error("Acme lacks a client or a provider");

test("ADM-01 a document with every member is accepted", () => {
  const full: TenantDocument = {
    ...acme,
    contract: { from: "2027-01-01T00:00:00Z", until: "2028-01-01T00:00:00+01:00" },
    nativeClients: true,
    services: ["voice", "message"],
    limits: { sessionsPerUser: 3, registrations: 100, calls: 20, tokenRate: { burst: 10, perSecond: 0.5 } },
    clients: [
      client,
      { clientId: "by-ca", authentication: { method: "tls_client_auth", sanDns: "talk.acme.test" }, state: "disabled" },
      {
        clientId: "by-key",
        authentication: { method: "self_signed_tls_client_auth", jwksUri: "https://talk.acme.test/jwks" },
        subjectTokens: { jwksUri: "https://talk.acme.test/jwks" },
      },
    ],
    identityProviders: [provider, { issuer: "https://id.acme.test", audience: "web", discovery: true }],
    blocks: [
      { ...acmeBlock, numbers: [{ from: "+12125550100", to: "+12125550101" }, { from: "+12125550200" }] },
      {
        id: "guests",
        subDomain: "guests",
        prefix: "g",
        entries: [{ impu: "sip:desk@guests.ims.test", impi: "desk@ims.test", tel: "+12125550300" }],
        assignment: "dynamic",
        quarantineSeconds: 0,
        warnAtPercent: 80,
      },
    ],
    rules: [
      { when: { claim: "groups", is: ["guest"] }, choose: "firstFree", block: "guests" },
      { choose: "numberInClaim", claim: "phone_number" },
    ],
    restrictions: {
      services: ["voice"],
      direction: ["mo"],
      mo: ["national", "+44"],
      not_mo: ["+1900"],
      max_sessions: 2,
      hours: [{ timeZone: "America/New_York", days: ["mo", "fr"], from: "07:00", to: "20:00" }],
      emergency: "refuse",
      turn: false,
    },
    dialPlan: {
      internationalPrefix: "011",
      national: { trunk: "1", country: "+1", digits: 10 },
      extensions: [{ digits: 4, prefix: "+121255" }],
      shortCodes: [{ code: "*100", target: "sip:desk@guests.ims.test" }],
    },
    encryptedTokens: true,
  };
  expect(checkTenant(full)).toEqual([]);
});

const withClient = (change: object): object => ({ clients: [{ ...client, ...change }] });
const withBlock = (change: object): object => ({ blocks: [{ ...acmeBlock, ...change }] });
const tls = (names: object): object => withClient({ authentication: { method: "tls_client_auth", ...names } });

test.each<[string, object, string, RegExp]>([
  ["an id with capitals", { id: "Acme" }, "/id", /1 to 32 of a-z, 0-9 and -/],
  ["no origin", { origins: [] }, "/origins", /is empty/],
  ["an origin with a path", { origins: ["https://talk.acme.test/app"] }, "/origins/0", /web origin/],
  ["a misspelt member", { servces: [] }, "/servces", /no member of it; remove it/],
  ["a service that is none", { services: ["fax"] }, "/services/0", /one of voice, video, message, data/],
  ["a missing member", { blocks: null }, "/blocks", /array/],
  ["no session for its users", { limits: { sessionsPerUser: 0 } }, "/limits/sessionsPerUser", />= 1/],
  ["a contract without a date", { contract: { from: "soon" } }, "/contract/from", /RFC 3339/],
  [
    "a contract that ends before it begins",
    { contract: { from: "2027-01-01T00:00:00Z", until: "2026-01-01T00:00:00Z" } },
    "/contract/until",
    /after from/,
  ],
  ["no client", { clients: [] }, "/clients", /fewer than 1/],
  ["one client twice", { clients: [client, client] }, "/clients/1/clientId", /twice/],
  [
    "keys over plain http",
    withClient({ authentication: { method: "private_key_jwt", jwksUri: "http://talk.acme.test/jwks" } }),
    "/clients/0/authentication/jwksUri",
    /https/,
  ],
  [
    "no keys",
    withClient({ authentication: { method: "private_key_jwt" } }),
    "/clients/0/authentication",
    /needs one of/,
  ],
  [
    "a private key",
    withClient({ authentication: { method: "private_key_jwt", jwks: { keys: [{ kty: "EC", d: "s" }] } } }),
    "/clients/0/authentication/jwks/keys/0/d",
    /private key/,
  ],
  [
    "a shared key",
    withClient({ authentication: { method: "private_key_jwt", jwks: { keys: [{ kty: "oct", k: "s" }] } } }),
    "/clients/0/authentication/jwks/keys/0/kty",
    /EC, RSA or OKP/,
  ],
  ["a certificate without a name", tls({}), "/clients/0/authentication", /needs one of subjectDn/],
  ["a certificate with two names", tls({ subjectDn: "CN=a", sanDns: "a" }), "/clients/0/authentication", /one of/],
  ["nobody who vouches for its users", { identityProviders: [] }, "/identityProviders", /nobody vouches/],
  [
    "a provider with two sources of keys",
    { identityProviders: [{ ...provider, discovery: true }] },
    "/identityProviders/0",
    /one of jwks, jwksUri, discovery/,
  ],
  [
    "a provider named as a client",
    { identityProviders: [{ ...provider, issuer: acmeClientId }] },
    "/identityProviders/0/issuer",
    /clientId/,
  ],
  ["a block with capitals", withBlock({ domain: "Acme.test" }), "/blocks/0/domain", /host name/],
  ["a block of a header parameter", withBlock({ domain: "acme.test;lr" }), "/blocks/0/domain", /host name/],
  ["a block with two hosts", withBlock({ subDomain: "acme" }), "/blocks/0", /keep one of them/],
  ["a block of half a line", withBlock({ count: 1.5 }), "/blocks/0/count", /integer/],
  ["a block too large", withBlock({ count: 100_001 }), "/blocks/0/count", /<= 100000/],
  ["numbers without +", withBlock({ numbers: [{ from: "2125550100" }] }), "/blocks/0/numbers/0/from", /E\.164/],
  ["numbers that run out", withBlock({ numbers: [{ from: "+999" }] }), "/blocks/0/numbers/0", /runs out of digits/],
  [
    "numbers that run backwards",
    withBlock({ numbers: [{ from: "+12125550100", to: "+12125550099" }] }),
    "/blocks/0/numbers/0/to",
    /follow/,
  ],
  [
    "an open range before another",
    withBlock({ numbers: [{ from: "+12125550100" }, { from: "+12125550200" }] }),
    "/blocks/0/numbers/0",
    /last range/,
  ],
  ["a negative rest", withBlock({ quarantineSeconds: -1 }), "/blocks/0/quarantineSeconds", />= 0/],
  ["one block twice", { blocks: [acmeBlock, acmeBlock] }, "/blocks/1/id", /twice/],
  ["a rule for no block", { rules: [{ choose: "firstFree", block: "x" }] }, "/rules/0/block", /no block/],
  ["a rule without its claim", { rules: [{ choose: "numberInClaim" }] }, "/rules/0", /needs claim/],
  [
    "a restriction to what it has not",
    { restrictions: { services: ["video"] } },
    "/restrictions/services/0",
    /no service/,
  ],
  [
    "hours on the moon",
    { restrictions: { hours: [{ timeZone: "Moon/Base", days: ["mo"], from: "07:00", to: "08:00" }] } },
    "/restrictions/hours/0/timeZone",
    /IANA/,
  ],
])("ADM-01 %s is told by its place and what to write", (_, change, path, problem) => {
  const problems = checkTenant({ ...acme, ...change });
  expect(problems.map((one) => one.path)).toContain(path);
  expect(problems.map((one) => `${one.path} ${one.problem}`).join("\n")).toMatch(problem);
});

test("ADM-01 a missing member is told by its name", () => {
  const { blocks: _, ...rest } = acme;
  expect(checkTenant(rest)).toEqual([{ path: "", problem: "lacks blocks" }]);
});

test("all problems of a document are told at once", () => {
  const paths = checkTenant({ ...acme, id: "A", name: "", services: ["fax"] }).map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(["/id", "/name", "/services/0"]));
});

test("whatever a document is, checking it ends with a list of problems, and each path is one of the document", () => {
  const key = fc.constantFrom(...Object.keys(acme), "restrictions", "rules", "dialPlan", "limits", "contract", "x");
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(acmeIssuer, [acmeBlock], keys, acme.clients));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        fc.dictionary(key, value).map((change) => Object.assign({}, acme, change)),
      ),
      (document) => {
        for (const { path, problem } of checkTenant(document)) {
          expect(path).toMatch(/^(\/.*)?$/s);
          expect(problem).not.toBe("");
        }
      },
    ),
    { numRuns: 300 },
  );
}, 30_000);
