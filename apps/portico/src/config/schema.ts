import { tenantSchema } from "@portico/waf";
import { Type, type Static } from "typebox";

const closed = { additionalProperties: false };
const text = (description: string, ...examples: string[]) => Type.String({ minLength: 1, description, examples });
const host = text("address of this machine", "127.0.0.1");
const port = Type.Integer({ minimum: 0, maximum: 65_535, description: "port; 0: any free one", examples: [5060] });
const seconds = (minimum: number, maximum: number, description: string, byDefault: number) =>
  Type.Optional(
    Type.Integer({
      minimum,
      maximum,
      description: `seconds; ${description}`,
      examples: [byDefault],
      default: byDefault,
    }),
  );
const days = (description: string, byDefault: number) =>
  Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3650,
      description: `days; ${description}`,
      examples: [byDefault],
      default: byDefault,
    }),
  );
const tls = Type.Object(
  {
    cert: text("file of the certificate and its chain, PEM", "tls/portal.pem"),
    key: text("file of its private key, PEM", "tls/portal.key"),
  },
  { ...closed, description: "certificate files; a changed file is taken up without a restart" },
);

const publicTls = Type.Object(
  {
    ...tls.properties,
    clientCa: Type.Optional(
      text(
        "file of the authorities whose certificates tenants' web servers may show (mutual TLS, RFC 8705), PEM",
        "tls/clients-ca.pem",
      ),
    ),
  },
  { ...closed, description: "certificate files; a changed file is taken up without a restart" },
);

const mwTls = Type.Object(
  {
    port,
    cert: text("file of the certificate and its chain, PEM", "tls/mw.pem"),
    key: text("file of its private key, PEM", "tls/mw.key"),
    ca: Type.Optional(
      text("file of the authorities that the core's certificates are checked against, PEM", "tls/ca.pem"),
    ),
    requireClientCertificate: Type.Optional(
      Type.Boolean({ description: "the core must show a certificate when it connects (mutual TLS)" }),
    ),
  },
  { ...closed, description: "SIP over TLS toward the core, beside UDP and TCP" },
);

const oidc = Type.Object(
  {
    issuer: text("iss of the provider's tokens, and base of its discovery document", "https://login.op.example"),
    audience: text("aud that names this portal", "portico-admin"),
    jwks: Type.Optional(text("URL of its keys, where discovery does not say it", "https://login.op.example/jwks")),
    roleClaim: text("claim that holds role names; dots lead into objects", "realm_access.roles"),
    roles: Type.Object(
      {
        operator: Type.Optional(text("what the provider calls an operator", "portico-operators")),
        "tenant-admin": Type.Optional(text("what the provider calls a tenant's administrator", "portico-tenants")),
        auditor: Type.Optional(text("what the provider calls an auditor", "portico-auditors")),
      },
      closed,
    ),
    tenantClaim: Type.Optional(text("claim that names the tenant of a tenant's administrator", "tenant")),
  },
  { ...closed, description: "OpenID provider whose tokens the Admin API takes, beside API keys" },
);

/** The configuration file, described; editors get it as JSON Schema. */
export const configSchema = Type.Object(
  {
    publicUrl: text(
      "where browsers and web servers reach the portal; http only on localhost",
      "https://portal.example",
    ),
    listen: Type.Object(
      {
        address: host,
        port,
        trustedProxies: Type.Optional(
          Type.Array(text("address or network of a proxy", "10.0.0.0/8"), {
            description:
              "proxies that are believed when they say whom they speak for (X-Forwarded-For, PROXY protocol)",
            examples: [["10.0.0.0/8"]],
          }),
        ),
        proxyProtocol: Type.Optional(
          Type.Boolean({ description: "every connection of a trusted proxy begins with a PROXY protocol header" }),
        ),
        clientCertificates: Type.Optional(
          Type.Object(
            {
              ca: Type.Optional(
                text("file of the authorities whose certificates are believed, PEM", "tls/clients-ca.pem"),
              ),
            },
            {
              ...closed,
              description:
                "trusted proxies end TLS and pass on the certificate a client has shown as Client-Cert (RFC 9440); they must remove what clients send under that name",
            },
          ),
        ),
      },
      { ...closed, description: "the public listener: web servers and browsers" },
    ),
    tls: Type.Optional(publicTls),
    admin: Type.Optional(
      Type.Object(
        {
          address: host,
          port,
          tls: Type.Optional(tls),
          nodeUrl: Type.Optional(
            text("where other nodes of the portal reach it; absent: where it listens", "https://10.0.0.5:8091"),
          ),
          oidc: Type.Optional(oidc),
        },
        { ...closed, description: "the Admin API's own listener", examples: [{ address: "127.0.0.1", port: 8091 }] },
      ),
    ),
    metrics: Type.Optional(
      Type.Object(
        { address: host, port },
        {
          ...closed,
          description: "listener of /metrics, without authentication",
          examples: [{ address: "127.0.0.1", port: 9464 }],
        },
      ),
    ),
    telemetry: Type.Optional(
      Type.Object(
        {
          otlp: text(
            "base URL of an OpenTelemetry collector that takes OTLP over HTTP in JSON",
            "http://127.0.0.1:4318",
          ),
        },
        {
          ...closed,
          description: "traces of requests, registrations and calls; absent: none are made",
          examples: [{ otlp: "http://127.0.0.1:4318" }],
        },
      ),
    ),
    home: Type.Object(
      {
        domain: text("home domain of the IMS", "ims.example"),
        entryPoint: Type.Union([text("one"), Type.Array(text("one of several"), { minItems: 1 })], {
          description:
            "where requests enter the home network: a domain (NAPTR, SRV) or SIP URI of an I-CSCF, or a list of them in which each stands in for those before it",
          examples: ["ims.example", ["sip:10.1.0.5:5060;transport=tcp", "sip:10.1.0.6:5060;transport=tcp"]],
        }),
        protocol: Type.Enum(["TCP", "UDP", "TLS"], { description: "transport where a URI names none" }),
        namesWwsf: Type.Optional(
          Type.Boolean({
            description:
              "REGISTER tells the core the tenant's client in the Authorization parameter authorization-entity, for the S-CSCF to compare with what the HSS allows; only for a core known to take it",
          }),
        ),
      },
      { ...closed, description: "the IMS core" },
    ),
    mw: Type.Object(
      {
        address: host,
        port,
        peers: Type.Array(text("address of the core", "10.1.0.5"), {
          minItems: 1,
          description: "addresses of the core; messages from others are dropped",
          examples: [["10.1.0.5"]],
        }),
        tls: Type.Optional(mwTls),
      },
      { ...closed, description: "this node toward the core" },
    ),
    media: Type.Object(
      {
        access: Type.Array(
          Type.Object(
            {
              bind: host,
              advertise: Type.Optional(text("address that browsers are told, where it differs", "203.0.113.7")),
            },
            closed,
          ),
          { minItems: 1, description: "addresses of media toward browsers", examples: [[{ bind: "203.0.113.7" }]] },
        ),
        accessPort: port,
        coreAddress: host,
        corePorts: Type.Tuple([port, port], {
          description: "first and last port of media toward the core",
          examples: [[41_000, 41_999]],
        }),
        latchCore: Type.Optional(
          Type.Boolean({
            description: "take a far end's media from where it comes, once, not only from where its SDP says",
            default: false,
          }),
        ),
      },
      { ...closed, description: "the media plane" },
    ),
    data: Type.Optional(text("folder of the keys and, with SQLite, of the database", "./data")),
    database: Type.Optional(
      Type.Object(
        {
          sqlite: Type.Optional(text("file of the database", "./data/portal.sqlite")),
          postgres: Type.Optional(text("URL of a PostgreSQL database", "${env:PORTICO_DATABASE}")),
        },
        { ...closed, description: "one of sqlite and postgres", examples: [{ sqlite: "./data/portal.sqlite" }] },
      ),
    ),
    sharedState: Type.Optional(
      Type.Object(
        { valkey: text("URL of a Valkey or Redis server", "${env:PORTICO_VALKEY}") },
        { ...closed, description: "what several nodes of one portal share; absent: this node is alone" },
      ),
    ),
    keySecret: Type.Optional(
      Type.String({
        minLength: 32,
        description:
          "seals the private keys that nodes share in the database; the same on every node, and kept outside the database",
        examples: ["${file:/etc/portico/key.secret}"],
      }),
    ),
    turn: Type.Optional(
      Type.Object(
        {
          urls: Type.Array(
            Type.String({
              pattern: "^turns?:[^\\s/?]+(\\?transport=(udp|tcp))?$",
              description: "TURN URI (RFC 7065)",
              examples: ["turns:turn.example:443?transport=tcp"],
            }),
            {
              minItems: 1,
              maxItems: 10,
              description: "where it is",
              examples: [["turns:turn.example:443?transport=tcp"]],
            },
          ),
          secret: Type.String({
            minLength: 16,
            description: "what the server shares with the portal (coturn: static-auth-secret)",
            examples: ["${file:turn.secret}"],
          }),
        },
        {
          ...closed,
          description:
            "TURN server for browsers whose network lets no UDP through; each web session gets credentials of its own",
        },
      ),
    ),
    retention: Type.Optional(
      Type.Object(
        {
          tokens: days("which access token went where", 90),
          persons: days("who held an identity, after she no longer does", 365),
          calls: days("records of single calls; sums for settlement stay", 180),
        },
        {
          ...closed,
          description: "how long personal data is kept",
          examples: [{ tokens: 90, persons: 365, calls: 180 }],
        },
      ),
    ),
    insideHosts: Type.Optional(
      Type.Array(text("host of an identity provider", "idp.corp.example"), {
        description:
          "identity providers in this network, whose addresses are not public; keys of all others come from public hosts only",
        examples: [["idp.corp.example"]],
      }),
    ),
    accessTokenSeconds: seconds(60, 86_400, "life of an access token", 3600),
    maxExpiresSeconds: seconds(60, 600_000, "longest registration asked of the core", 3600),
    graceSeconds: seconds(1, 600, "how long a lost browser may take to come back before its registration ends", 32),
    sessionGraceSeconds: Type.Optional(
      seconds(0, 3600, "how long running calls may outlive the access token of their user", 60),
    ),
    ownCredentials: Type.Optional(
      Type.Array(
        Type.Object(
          {
            origin: text("origin of the site", "https://phone.ims.example"),
            tenant: text("tenant whose dial plan holds", "acme"),
          },
          closed,
        ),
        {
          description: "sites whose users may register with IMS credentials of their own, by Digest with the core",
          examples: [[{ origin: "https://phone.ims.example", tenant: "acme" }]],
        },
      ),
    ),
    emergencyNumbers: Type.Array(Type.String({ pattern: "^[0-9*#]{2,8}$", description: "digits", examples: ["112"] }), {
      description: "numbers screened as emergency calls",
      examples: [["112", "911"]],
    }),
    dialPlan: Type.Object(
      {
        internationalPrefix: text("what is dialled before a foreign number", "00"),
        national: Type.Optional(
          Type.Object(
            {
              trunk: text("what is dialled before a national number", "0"),
              country: Type.String({ pattern: "^\\+[1-9][0-9]{0,2}$", description: "country code", examples: ["+49"] }),
              digits: Type.Integer({
                minimum: 4,
                maximum: 14,
                description: "digits of a national number without trunk",
              }),
            },
            closed,
          ),
        ),
      },
      { ...closed, description: "how dialled numbers become E.164" },
    ),
    log: Type.Optional(
      Type.Object(
        { level: Type.Enum(["info", "warn", "silent"], { description: "least that is written", examples: ["info"] }) },
        { ...closed, description: "the structured log on standard error" },
      ),
    ),
    tenants: Type.Optional(
      Type.Array(tenantSchema, { description: "third parties; they may come by the Admin API as well", default: [] }),
    ),
  },
  { ...closed, title: "Portico", description: "Configuration of a portal" },
);

/** Settings as the file has them. */
type ConfigFile = Static<typeof configSchema>;
type Defaulted = "data" | "accessTokenSeconds" | "maxExpiresSeconds" | "graceSeconds" | "tenants";

/** The portal's configuration; paths in it are absolute, and what the file left out has its default. */
export type PortalConfig = Omit<ConfigFile, Defaulted | "media"> &
  Required<Pick<ConfigFile, Defaulted>> & { media: ConfigFile["media"] & { latchCore: boolean } };
