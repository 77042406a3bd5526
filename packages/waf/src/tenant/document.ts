import { type Static, Type } from "typebox";
import { blockSchema } from "../block/definition.ts";
import { closed, host, text } from "../schema.ts";
import { restrictionsSchema } from "../token/restrictions.ts";

const jwks = Type.Object(
  { keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 20 }) },
  { description: "JWK Set of public keys (RFC 7517 §5)" },
);
const url = Type.String({ maxLength: 2048, format: "uri", description: "https URL" });

/** How a WWSF proves who it is on W4. */
const authentication = Type.Object(
  {
    method: Type.Enum(["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"], {
      description: "OpenID Connect Core §9 or RFC 8705 §2",
    }),
    /** Keys of private_key_jwt and self_signed_tls_client_auth: given here, or fetched from their URL. */
    jwks: Type.Optional(jwks),
    jwksUri: Type.Optional(url),
    /** What names a tls_client_auth client in its certificate (RFC 8705 §2.1.2), exactly one. */
    subjectDn: Type.Optional(Type.String({ ...text, description: "Subject DN as RFC 4514 writes it" })),
    sanDns: Type.Optional(host),
    sanUri: Type.Optional(Type.String(text)),
    sanIp: Type.Optional(Type.String(text)),
    sanEmail: Type.Optional(Type.String(text)),
  },
  closed,
);

const client = Type.Object(
  {
    clientId: Type.String({ minLength: 1, maxLength: 255, description: "OAuth client_id, unique among all tenants" }),
    authentication,
    /** Keys of the JWTs in which the WWSF itself vouches for a user (RFC 7523 §2.1); absent: it may not. */
    subjectTokens: Type.Optional(Type.Object({ jwks: Type.Optional(jwks), jwksUri: Type.Optional(url) }, closed)),
    state: Type.Optional(Type.Enum(["active", "disabled"], { description: "absent: active" })),
  },
  closed,
);

const identityProvider = Type.Object(
  {
    issuer: Type.String({ ...text, description: "iss of its ID tokens" }),
    audience: Type.String({ ...text, description: "aud of its ID tokens: the client_id of the tenant's web site" }),
    /** Its keys: given, fetched from a URL, or from where its discovery document says; exactly one of the three. */
    jwks: Type.Optional(jwks),
    jwksUri: Type.Optional(url),
    discovery: Type.Optional(Type.Literal(true, { description: "OpenID Connect Discovery 1.0 §4" })),
  },
  closed,
);

const claimValue = Type.String({ minLength: 1, maxLength: 255 });

/** Which identity a new user gets. The first rule whose `when` fits decides; without rules: the first free one. */
const rule = Type.Object(
  {
    /** Fits when the claim of the user's token has, or contains, one of the values; absent: always. */
    when: Type.Optional(
      Type.Object({ claim: claimValue, is: Type.Array(claimValue, { minItems: 1, maxItems: 100 }) }, closed),
    ),
    choose: Type.Enum(["firstFree", "numberInClaim", "impuInClaim", "assignedOnly"], {
      description: "assignedOnly: only what the third party has assigned beforehand",
    }),
    /** Claim that holds the E.164 number or the IMPU. */
    claim: Type.Optional(claimValue),
    /** Only identities of this block. */
    block: Type.Optional(Type.String(text)),
  },
  closed,
);

const digits = (maxLength: number, minLength = 1) =>
  Type.String({ minLength, maxLength, pattern: "^[0-9]*$", description: "digits" });

const dialPlan = Type.Object(
  {
    internationalPrefix: digits(5),
    national: Type.Optional(
      Type.Object(
        {
          trunk: digits(4, 0),
          country: Type.String({ pattern: "^\\+[1-9][0-9]{0,3}$", description: "country code with +" }),
          /** Digits of a national number without the trunk prefix. */
          digits: Type.Integer({ minimum: 4, maximum: 14 }),
        },
        closed,
      ),
    ),
    /** Inner numbers of so many digits, each the end of an E.164 number. */
    extensions: Type.Optional(
      Type.Array(
        Type.Object(
          {
            digits: Type.Integer({ minimum: 1, maximum: 8 }),
            prefix: Type.String({ pattern: "^\\+[1-9][0-9]{1,13}$", description: "begin of an E.164 number with +" }),
          },
          closed,
        ),
        { maxItems: 20 },
      ),
    ),
    shortCodes: Type.Optional(
      Type.Array(
        Type.Object(
          {
            code: Type.String({ pattern: "^[0-9*#]{1,15}$", description: "1 to 15 of 0-9, * and #" }),
            target: Type.String({ ...text, description: "E.164 number with +, or a SIP URI of an own domain" }),
          },
          closed,
        ),
        { maxItems: 200 },
      ),
    ),
  },
  closed,
);

const rate = Type.Object(
  {
    burst: Type.Integer({ minimum: 1, maximum: 100_000 }),
    perSecond: Type.Number({ minimum: 0.01, maximum: 10_000 }),
  },
  closed,
);
const many = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 }));

/**
 * A third party with a contract (ADM-01), as the configuration file and the Admin API write it. What a schema cannot
 * say, {@link checkTenant} does.
 */
export const tenantSchema = Type.Object(
  {
    id: Type.String({
      pattern: "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
      description: "1 to 32 of a-z, 0-9 and -; part of the IMPIs",
    }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    state: Type.Enum(["active", "suspended"]),
    contract: Type.Optional(
      Type.Object(
        {
          from: Type.Optional(Type.String({ format: "date-time", description: "first instant, RFC 3339" })),
          until: Type.Optional(Type.String({ format: "date-time", description: "first instant after, RFC 3339" })),
        },
        closed,
      ),
    ),
    origins: Type.Array(Type.String({ ...text, description: "web origin (RFC 6454)" }), {
      maxItems: 100,
      uniqueItems: true,
      description: "Where the tenant's pages come from",
    }),
    nativeClients: Type.Optional(
      Type.Boolean({ description: "Programs that send no Origin may connect as well; absent: false" }),
    ),
    services: Type.Array(Type.Enum(["voice", "video", "message", "data"]), {
      uniqueItems: true,
      description: "Services of the contract; scope ims.NAME each",
    }),
    emergencyNumbers: Type.Optional(
      Type.Array(Type.String({ pattern: "^[0-9*#]{2,15}$", description: "2 to 15 of 0-9, * and #" }), {
        maxItems: 50,
        uniqueItems: true,
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          /** Web sessions of a user at once; one more ends the oldest. */
          sessionsPerUser: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
          /** Registrations of the tenant at once. */
          registrations: many,
          /** Calls of the tenant at once. */
          calls: many,
          /** Requests of each client at the WAF: at once, and in the long run a second. */
          tokenRate: Type.Optional(rate),
        },
        closed,
      ),
    ),
    clients: Type.Array(client, { minItems: 1, maxItems: 20, description: "The tenant's web servers (WWSF)" }),
    identityProviders: Type.Array(identityProvider, { maxItems: 20 }),
    blocks: Type.Array(blockSchema, { maxItems: 50 }),
    rules: Type.Optional(Type.Array(rule, { maxItems: 100 })),
    anonymous: Type.Optional(
      Type.Object(
        {
          block: Type.String({ ...text, description: "a dynamic block of theirs alone, named by no rule" }),
          /** What they may do. */
          restrictions: restrictionsSchema,
          /** New sessions of each client: at once, and in the long run a second; absent: 20 and 1. */
          rate: Type.Optional(rate),
        },
        { ...closed, description: "Users whom nobody vouches for (TS 22.228 Annex H.5); absent: there are none" },
      ),
    ),
    /** What every token of the tenant is restricted to; a request may narrow it further. */
    restrictions: Type.Optional(restrictionsSchema),
    dialPlan: Type.Optional(dialPlan),
    encryptedTokens: Type.Optional(
      Type.Boolean({
        description: "Access tokens are nested in a JWE for the eP-CSCF (RFC 8898 §2.1.2); absent: false",
      }),
    ),
  },
  { ...closed, $id: "Tenant" },
);

export type TenantDocument = Static<typeof tenantSchema>;
export type ClientDocument = TenantDocument["clients"][number];
export type ProviderDocument = TenantDocument["identityProviders"][number];
