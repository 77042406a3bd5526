import { Type } from "typebox";

const text = (description: string, ...examples: string[]) => Type.String({ minLength: 1, description, examples });
const closed = { additionalProperties: false };

const jwks = Type.Union([
  text("URL of a JWK Set", "https://talk.acme.example/jwks"),
  Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
]);

/** A third party under contract. */
export const tenantSchema = Type.Object(
  {
    id: text("short name, a-z, 0-9 and -", "acme"),
    name: text("name for people", "Acme"),
    clientId: text("OAuth client id of its web server", "talk.acme.example"),
    clientJwks: jwks,
    identityProvider: Type.Object(
      {
        issuer: text("iss of its ID tokens", "https://talk.acme.example/idp"),
        jwks,
        audience: text("aud of its ID tokens", "talk.acme.example"),
      },
      closed,
    ),
    origins: Type.Array(text("web origin of its pages", "https://talk.acme.example"), { minItems: 1 }),
    services: Type.Array(Type.Literal("voice")),
    block: Type.Object(
      {
        domain: text("host of its identities", "acme.ims.example"),
        firstNumber: Type.Optional(text("E.164 number of the first identity", "+12125550100")),
        count: Type.Integer({ minimum: 1, maximum: 100_000, description: "identities" }),
        assignment: Type.Enum(["sticky", "dynamic"]),
        quarantineSeconds: Type.Integer({ minimum: 0, maximum: 31_536_000, description: "rest between two users" }),
      },
      closed,
    ),
    limits: Type.Optional(
      Type.Object({ sessionsPerUser: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) }, closed),
    ),
    /** First and last instant of the contract, ISO 8601. */
    contract: Type.Optional(
      Type.Object(
        { from: Type.Optional(text("ISO 8601", "2026-01-01T00:00:00Z")), until: Type.Optional(text("ISO 8601")) },
        closed,
      ),
    ),
    state: Type.Enum(["active", "suspended"]),
  },
  closed,
);
