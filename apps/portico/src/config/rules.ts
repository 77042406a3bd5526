import { BlockList, isIP } from "node:net";
import { parseUri } from "@portico/sip";
import { checkTenant } from "@portico/waf";
import type { Finding, Path } from "./examine.ts";
import type { PortalConfig } from "./schema.ts";

/** What a schema cannot say: settings that must agree with each other, and texts with a meaning. */
export function checkRules(config: PortalConfig): Finding[] {
  const findings: Finding[] = [];
  const say = (path: Path, problem: string, remedy: string): void =>
    void findings.push({ path, at: "value", problem, remedy });

  publicSide(config, say);
  core(config, say);
  ownCredentials(config, say);
  media(config, say);
  storage(config, say);
  telemetry(config, say);
  tenants(config, say);
  return findings;
}

type Say = (path: Path, problem: string, remedy: string) => void;

function publicSide({ publicUrl, listen, tls, admin }: PortalConfig, say: Say): void {
  const url = URL.parse(publicUrl);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return say(["publicUrl"], "is no URL", "write for example publicUrl: https://portal.example");
  }
  // EPC-WS-02: plain http, and with it plain ws, is for this machine only.
  if (url.protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) {
    say(["publicUrl"], "is plain http beyond this machine", `write https://${url.host} and set tls, or use localhost`);
  }
  if (url.pathname !== "/" || url.search !== "") {
    say(["publicUrl"], "has a path", `write publicUrl: ${url.origin}`);
  }
  if (url.protocol === "http:" && tls !== undefined) {
    say(["publicUrl"], "is http although tls is set", `write https://${url.host}, or remove tls`);
  }
  const proxies = listen.trustedProxies ?? [];
  if (url.protocol === "https:" && tls === undefined && proxies.length === 0 && !isLoopback(listen.address)) {
    say(
      ["listen"],
      "serves an https publicUrl without a certificate to everybody",
      "set tls, or name the proxy that ends TLS in listen.trustedProxies, or listen on 127.0.0.1",
    );
  }
  for (const [n, network] of proxies.entries()) {
    if (!isNetwork(network)) {
      say(["listen", "trustedProxies", n], "is no address or network", "write for example 10.0.0.7 or 10.0.0.0/8");
    }
  }
  if (listen.proxyProtocol === true && proxies.length === 0) {
    say(["listen", "proxyProtocol"], "has no proxy to believe", "name the proxy's address in listen.trustedProxies");
  }
  if (listen.clientCertificates !== undefined) {
    const at = ["listen", "clientCertificates"];
    if (proxies.length === 0) say(at, "has no proxy to believe", "name the proxy's address in listen.trustedProxies");
    else if (listen.proxyProtocol === true) {
      say(at, "goes with no PROXY protocol, which hides the proxy", "let the proxy send X-Forwarded-For instead");
    }
  }
  if (admin !== undefined && admin.tls === undefined && !isLoopback(admin.address)) {
    say(
      ["admin", "address"],
      "serves the Admin API without TLS beyond this machine",
      "set admin.tls, or listen on 127.0.0.1",
    );
  }
}

function core({ home, mw }: PortalConfig, say: Say): void {
  const { entryPoint } = home;
  for (const [n, entry] of (typeof entryPoint === "string" ? [entryPoint] : entryPoint).entries()) {
    const at = typeof entryPoint === "string" ? [] : [n];
    if (!isEntryPoint(entry)) {
      say(
        ["home", "entryPoint", ...at],
        "is no domain and no SIP URI",
        "write for example ims.example, or sip:icscf.ims.example;transport=tcp",
      );
    }
  }
  if (home.protocol === "TLS" && mw.tls === undefined) {
    say(["home", "protocol"], "is TLS, but this node has no certificate on Mw", "set mw.tls, or choose TCP or UDP");
  }
  if (isIP(mw.address) === 0 || isWildcard(mw.address)) {
    say(
      ["mw", "address"],
      "is not one address of this machine",
      "write the IP address that the core reaches; Via and Path name it",
    );
  }
  for (const [n, peer] of mw.peers.entries()) {
    if (isIP(peer) === 0) say(["mw", "peers", n], "is no IP address", "write the address the core sends from");
  }
}

function ownCredentials({ ownCredentials: sites = [], tenants: known }: PortalConfig, say: Say): void {
  for (const [n, { origin, tenant }] of sites.entries()) {
    const origins = known.find(({ id }) => id === tenant)?.origins;
    const at = ["ownCredentials", n];
    if (origins === undefined) say([...at, "tenant"], "is no tenant of this file", "name one of tenants");
    else if (!origins.includes(origin))
      say([...at, "origin"], "is no origin of its tenant", `write one of ${origins.join(", ")}`);
  }
}

function telemetry({ telemetry: { otlp } = { otlp: "http://unset" } }: PortalConfig, say: Say): void {
  const url = URL.parse(otlp);
  const fits = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "";
  if (!fits) say(["telemetry", "otlp"], "is no URL of a collector", "write for example http://127.0.0.1:4318");
}

function isEntryPoint(entry: string): boolean {
  if (/^[a-z0-9][a-z0-9.-]*$/i.test(entry)) return true;
  try {
    return ["sip", "sips"].includes(parseUri(entry).scheme);
  } catch {
    return false;
  }
}

function media({ media: { access, corePorts, coreAddress } }: PortalConfig, say: Say): void {
  for (const [n, { bind }] of access.entries()) {
    if (isIP(bind) === 0 || isWildcard(bind)) {
      say(["media", "access", n, "bind"], "is not one address of this machine", "write one IP address an entry");
    }
  }
  if (isIP(coreAddress) === 0 || isWildcard(coreAddress)) {
    say(["media", "coreAddress"], "is not one address of this machine", "write the IP address the core's media reach");
  }
  const [first, last] = corePorts;
  if (last <= first) {
    say(
      ["media", "corePorts"],
      "ends before it begins",
      "write the first and the last port, for example [41000, 41999]",
    );
  }
}

function storage({ database, sharedState, keySecret }: PortalConfig, say: Say): void {
  if (database !== undefined && (database.sqlite === undefined) === (database.postgres === undefined)) {
    say(["database"], "names not exactly one database", "keep one of sqlite and postgres");
  }
  if (database?.postgres !== undefined && !/^postgres(ql)?:\/\//.test(database.postgres)) {
    say(["database", "postgres"], "is no PostgreSQL URL", "write postgres://USER:PASSWORD@HOST/DATABASE");
  }
  if (database?.postgres !== undefined && keySecret === undefined) {
    say(
      ["database", "postgres"],
      "is there for several nodes, whose keys nothing seals",
      "make a secret with openssl rand -hex 32 > key.secret, and write keySecret: ${file:key.secret} on every node",
    );
  }
  if (sharedState !== undefined && !/^((redis|valkey)s?:\/\/|\/)/.test(sharedState.valkey)) {
    say(["sharedState", "valkey"], "is no Valkey URL", "write redis://HOST:6379, or the path of its socket");
  }
}

function tenants({ tenants: list }: PortalConfig, say: Say): void {
  const ids = new Set<string>();
  for (const [n, tenant] of list.entries()) {
    const { id } = tenant;
    for (const { path, problem } of checkTenant(tenant)) {
      const steps = path.split("/").slice(1);
      const [what = "", remedy = "correct it"] = problem.split("; ");
      say(["tenants", n, ...steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step))], what, remedy);
    }
    if (ids.has(id)) say(["tenants", n, "id"], "is the id of another tenant too", "give each tenant its own id");
    ids.add(id);
  }
}

/** True for an address or a network in CIDR notation. */
function isNetwork(network: string): boolean {
  const [address = "", bits, more] = network.split("/");
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** True for an address that only this machine reaches. */
function isLoopback(address: string): boolean {
  return (
    address === "localhost" || (isIP(address) !== 0 && loopback.check(address, isIP(address) === 4 ? "ipv4" : "ipv6"))
  );
}

const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";
