import { fileURLToPath } from "node:url";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Child } from "./child.ts";
import type { TlsFiles } from "./localCa.ts";
import { ports, softphone, telephones, users, writeSettings } from "./settings.ts";

/** The demo: portal, IMS lab core with telephones, and Acme's web site, each a process of its own. */
const started = performance.now();
const root = fileURLToPath(new URL("../../..", import.meta.url));
const host = hostArgument();
const tls = host === undefined ? undefined : await certificate(host);
const files = writeSettings(join(root, ".portico", host ?? "local"), host, tls);

const children: Child[] = [];
let stopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));

try {
  await run("portal", "apps/portico/src/main.ts", "serve", files.portal);
  await Promise.all([
    run("lab", "packages/lab/src/main.ts", files.lab),
    run("acme", "apps/acme/src/main.ts", files.acme),
  ]);
  console.log(welcome());
} catch (error) {
  if (!stopping) console.error(error instanceof Error ? error.message : error);
  await stop(1);
}

async function run(name: string, script: string, ...args: string[]): Promise<void> {
  if (stopping) return;
  const env = tls === undefined ? process.env : { ...process.env, NODE_EXTRA_CA_CERTS: tls.ca };
  let ready = false;
  const child = new Child(name, join(root, script), args, env, (why) => {
    if (stopping || !ready) return;
    console.error(`${why}\n${name} has ended; the demo ends with it.`);
    void stop(1);
  });
  children.push(child);
  await child.ready();
  ready = true;
}

/** Ends the children, Acme first, so that nobody is left without what it needs. */
async function stop(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  for (const name of ["acme", "portal", "lab"]) await children.find((child) => child.name === name)?.stop();
  process.exit(code);
}

/** The certificate library is loaded only where it is needed. */
async function certificate(address: string): Promise<TlsFiles> {
  const { serverCertificate } = await import("./localCa.ts");
  return serverCertificate(join(root, ".portico", "tls"), address);
}

function hostArgument(): string | undefined {
  let value: string | undefined;
  try {
    ({ host: value } = parseArgs({ options: { host: { type: "string" } } }).values);
  } catch (error) {
    return fail(error instanceof Error ? error.message : "unknown option");
  }
  if (value === undefined) return undefined;
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  if (isIP(value) !== 4 || !own.some(({ address }) => address === value)) {
    const addresses = own.filter(({ family }) => family === "IPv4").map(({ address }) => address);
    return fail(`--host needs an IPv4 address of this machine, one of ${addresses.join(", ")}`);
  }
  return value;
}

function fail(message: string): never {
  console.error(`demo: ${message}`);
  process.exit(1);
}

function welcome(): string {
  const trust =
    tls === undefined
      ? []
      : [
          "",
          `Other devices must trust one file first: ${tls.ca}`,
          "(import it as a certificate authority for web sites)",
        ];
  return [
    "",
    `Portico is ready (${((performance.now() - started) / 1000).toFixed(1)} s).`,
    "",
    `  Open   ${files.acmeUrl}`,
    ...users.map(
      ({ username, name, password }, at) =>
        `${at === 0 ? "  Sign in" : "         "} as ${username.padEnd(6)} password ${password.padEnd(12)} (${name})`,
    ),
    "",
    "  Call a telephone of the lab:",
    ...telephones.map(({ label, number }) => `    ${number}  ${label}`),
    "  Or a colleague, signed in with another browser or profile: that call goes directly.",
    "",
    `  A SIP softphone can register as ${softphone.impi}, password ${softphone.password}, number ${softphone.tel}:`,
    `    UDP, domain ims.test, outbound proxy 127.0.0.1:${ports.icscf}`,
    ...trust,
    "",
    "  Emergency calls are not possible from this page. Ctrl-C ends everything.",
    "",
  ].join("\n");
}
