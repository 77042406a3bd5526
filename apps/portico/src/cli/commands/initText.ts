/** What `init` must know to write a configuration. */
export interface Answers {
  readonly publicUrl: string;
  /** `address:port` */
  readonly listen: string;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly homeDomain: string;
  readonly entryPoint: string;
  readonly corePeers: readonly string[];
  readonly mwAddress: string;
  readonly mediaAddress: string;
  readonly internationalPrefix: string;
  readonly emergency: readonly string[];
}

/** `address:port` in parts; an IPv6 address stands in brackets. */
export function hostAndPort(text: string): { address: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  return address === undefined || Number(port) > 65_535 ? undefined : { address, port: Number(port) };
}

/** A commented configuration. @param schema name of the schema file beside it */
export function configText(answers: Answers, schema: string): string {
  const { tls, listen } = answers;
  const { address, port } = hostAndPort(listen) ?? { address: "127.0.0.1", port: 8090 };
  const list = (items: readonly string[]): string => `[${items.map(quoted).join(", ")}]`;
  return `# yaml-language-server: $schema=./${schema}
#
# Configuration of a Portico portal. \`portico check-config\` says what is wrong with it; SIGHUP or \`portico reload\`
# makes a running portal read it again. Any text may be \${env:NAME} or \${file:PATH}: that is where secrets belong.

# Where browsers and the tenants' web servers reach the portal. https; plain http on localhost only.
publicUrl: ${quoted(answers.publicUrl)}

# The public listener. Behind a proxy or load balancer, name it, so that addresses of clients are believed:
#   trustedProxies: [10.0.0.7]
#   proxyProtocol: true     # when it speaks the PROXY protocol, version 1 or 2
listen: { address: ${quoted(address)}, port: ${port} }

# Certificate and key, PEM. Changed files are taken up without a restart.
${
  tls === undefined
    ? "# tls: { cert: tls/portal.pem, key: tls/portal.key }"
    : `tls: { cert: ${quoted(tls.cert)}, key: ${quoted(tls.key)} }`
}

# The Admin API, for the portico command line and your own tools.
admin: { address: 127.0.0.1, port: 8091 }

# Figures for Prometheus at /metrics, without authentication: keep it away from the world.
metrics: { address: 127.0.0.1, port: 9464 }

# Traces to an OpenTelemetry collector (OTLP over HTTP); without this none are made.
# telemetry: { otlp: "http://127.0.0.1:4318" }

# The IMS core: its domain, the SIP URI of the I-CSCF, and the transport where a URI names none.
home:
  domain: ${quoted(answers.homeDomain)}
  entryPoint: ${quoted(answers.entryPoint)}
  protocol: TCP

# This node toward the core. Messages from other addresses than the peers' are dropped.
mw: { address: ${quoted(answers.mwAddress)}, port: 5080, peers: ${list(answers.corePeers)} }

# Media: toward browsers one UDP port on each address, toward the core a pair of ports a call.
# Behind NAT, say what browsers must be told: { bind: 10.0.0.5, advertise: 203.0.113.7 }
media:
  access: [{ bind: ${quoted(answers.mediaAddress)} }]
  accessPort: 40000
  coreAddress: ${quoted(answers.mwAddress)}
  corePorts: [41000, 41999]

# Keys, and the database unless you name another.
data: ./data

# One node keeps its tables in SQLite. Several nodes share PostgreSQL and Valkey (or Redis).
database: { sqlite: ./data/portal.sqlite }
# database: { postgres: "\${env:PORTICO_DATABASE}" }    # postgres://USER:PASSWORD@HOST/DATABASE
# sharedState: { valkey: "\${env:PORTICO_VALKEY}" }     # redis://HOST:6379
# Seals the private keys that the nodes share in PostgreSQL; the same on every node: openssl rand -hex 32 > key.secret
# keySecret: "\${file:key.secret}"

# TURN server for browsers whose network lets no UDP through (coturn with use-auth-secret).
# turn: { urls: ["turns:turn.example:443?transport=tcp"], secret: "\${file:turn.secret}" }

# Days that personal data is kept: which token went where, who held an identity, records of single calls.
# retention: { tokens: 90, persons: 365, calls: 180 }

# Seconds: life of an access token, longest registration asked of the core, and how long a lost browser may take
# to come back before its registration ends.
accessTokenSeconds: 3600
maxExpiresSeconds: 3600
graceSeconds: 32

# The portal carries no emergency calls: who dials one of these is told to use a telephone.
emergencyNumbers: ${list(answers.emergency)}

# How dialled numbers become E.164. \`portico dialplan test NUMBER\` shows it step by step.
#   national: { trunk: "0", country: "+49", digits: 10 }
dialPlan: { internationalPrefix: ${quoted(answers.internationalPrefix)} }

log: { level: info }

# Third parties are added at run time, \`portico tenant add\`, or written here.
tenants: []
`;
}

/** A text as YAML reads it: plain where that is the same text, else in double quotes. */
const quoted = (text: string): string =>
  /^[A-Za-z/.][\w./@:;=+-]*$/.test(text) && !/: |:$|^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : /^\d+\.\d+\.\d+\.\d+$/.test(text)
      ? text
      : JSON.stringify(text);
