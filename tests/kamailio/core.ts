import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Authority } from "../../packages/transport/test/authority.ts";
import { eventually } from "../support/eventually.ts";
import { packageFile } from "../support/packages.ts";
import { Hss } from "./hss/hss.ts";
import type { Subscription } from "./hss/subscription.ts";
import { startProcess, type FixtureProcess } from "./process.ts";
import { reachesHss } from "./probe.ts";
import { renderCore } from "./templates.ts";
import { topology } from "./topology.ts";

/** Debian packages of the core. */
export const corePackages: readonly string[] = ["kamailio", "kamailio-ims-modules", "kamailio-presence-modules"];
/** Of the core with {@link KamailioCoreOptions.tls}. */
export const tlsPackages: readonly string[] = [...corePackages, "kamailio-tls-modules"];

export interface KamailioCoreOptions {
  readonly subscriptions: readonly Subscription[];
  /** Run a second I-CSCF, {@link topology.standbyIcscf}. */
  readonly standby?: boolean;
  /** Run a second S-CSCF, {@link topology.reserveScscf}, for those who register while the first one does not answer. */
  readonly reserve?: boolean;
  /** User part of an identity whose trusted-node registration the S-CSCF challenges all the same. */
  readonly challenged?: string;
  /** Longest registration that the S-CSCF grants, seconds; default 3600. */
  readonly maxExpires?: number;
  /** SIP over TLS to, from and between the CSCFs in the place of TCP, with certificates of this authority; the P-CSCF keeps to UDP. */
  readonly tls?: Authority;
  /** IPv4 addresses of further network elements that the CSCFs believe, for example a portal's; default the portal's. */
  readonly trusted?: readonly string[];
}

/** A running IMS core: Kamailio as P-, I- and S-CSCF, and an HSS. */
export interface KamailioCore {
  /** SIP URI of the I-CSCF. */
  readonly entryPoint: string;
  /** SIP URIs of all I-CSCFs, that one first. */
  readonly entryPoints: readonly string[];
  /** SIP URI of the P-CSCF for ordinary telephones. */
  readonly accessPoint: string;
  readonly hss: Hss;
  /** With TLS: files of a certificate for a portal at {@link topology.portal}, its key, and the authority; PEM. */
  readonly portalTls: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
  /** Contact URIs that the S-CSCF holds for a public identity. */
  contacts(impu: string): Promise<string[]>;
  /** How many subscriptions to its reg event the S-CSCF has taken since it started. */
  watches(impu: string): number;
  /** Feature-Caps of each REGISTER of a trusted node for an identity, oldest first. */
  featureCaps(impu: string): readonly string[];
  /** Ends a registration from the network's side (RTR), see {@link Hss.deregister}. @returns the S-CSCF's Result-Code */
  deregister(impu: string, only?: string): Promise<number>;
  /** Ends a CSCF: `icscf`, `standby`, `scscf`, `reserve`. */
  stop(name: string): Promise<void>;
  /** Kills it with all its processes, without a word to anybody. */
  crash(name: string): Promise<void>;
  /** Starts it again, and waits until it serves. */
  start(name: string): Promise<void>;
  /** Waits until all CSCFs have their Diameter connection to the HSS, and each I-CSCF has an answer through it. */
  connected(): Promise<void>;
  /** What the CSCFs have logged, for a test that fails. */
  logs(): string;
  /** Idempotent. */
  close(): Promise<void>;
}

const run = promisify(execFile);
const startWithin = 15_000;
const shownLogLines = 40;

/** Starts the core on the addresses of {@link topology}. @throws Error with the logs when it does not come up. */
export async function startKamailioCore(options: KamailioCoreOptions): Promise<KamailioCore> {
  const { icscf, scscf, hss: hssAddress, pcscf, breakout, homeDomain, portal } = topology;
  // First, since it fails where another core runs already.
  const hss = await Hss.start({ address: hssAddress, port: 3868, homeDomain, subscriptions: options.subscriptions });
  const folder = mkdtempSync(join(tmpdir(), "portico-core-"));
  const processes = new Map<string, FixtureProcess>();
  const { tls } = options;
  /** Of the I- and S-CSCFs. */
  const port = tls === undefined ? 5060 : 5061;
  const icscfs = options.standby === true ? { icscf, standby: topology.standbyIcscf } : { icscf };
  const scscfs = options.reserve === true ? { scscf, reserve: topology.reserveScscf } : { scscf };
  const addresses: Record<string, string> = { ...icscfs, ...scscfs, pcscf };
  const diameter = new Set(Object.keys({ ...icscfs, ...scscfs }));

  const logs = (): string =>
    [...processes]
      .map(([name, process]) => {
        const lines = process.log().split("\n");
        const telling = lines.filter((line) => !line.includes(" INFO: "));
        return `--- ${name}\n${telling.slice(-shownLogLines).join("\n")}`;
      })
      .join("\n");
  const registrarLogs = (): string =>
    Object.keys(scscfs)
      .map((name) => processes.get(name)?.log() ?? "")
      .join("");
  const close = async (): Promise<void> => {
    await Promise.all([...processes.values()].map((process) => process.close()));
    await hss.close();
    rmSync(folder, { recursive: true, force: true });
  };

  const start = (name: string): void => {
    // In the foreground, logging to standard error, 64 MB shared and 8 MB private memory; each its own runtime files.
    const args = ["-f", join(folder, `${name}.cfg`), "-DD", "-E", "-m", "64", "-M", "8", "-Y", folder];
    if (tls !== undefined) args.push("-A", "TLS");
    if (options.reserve === true) args.push("-A", "RESERVE");
    processes.set(name, startProcess(packageFile("kamailio", "/sbin/kamailio"), args, join(folder, `${name}.log`)));
  };
  const allRun = (): boolean => [...processes.values()].every((process) => process.running);
  const kamcmd = packageFile("kamailio", "/sbin/kamcmd");
  /** Asks a CSCF by its control socket. @returns what it says; empty while it cannot be asked. */
  const ask = async (name: string, ...command: string[]): Promise<string> => {
    const args = ["-s", `unix:${join(folder, `${name}.ctl`)}`, ...command];
    const { stdout } = await run(kamcmd, args).catch(() => ({ stdout: "" }));
    return stdout;
  };
  /** The HSS has taken the connection before the CSCF knows that it is open. */
  const connected = async (): Promise<void> => {
    const wanted = [...processes].filter(([name, { running }]) => running && diameter.has(name));
    await eventually(
      async () => await Promise.all(wanted.map(([name]) => ask(name, "cdp.list_peers"))),
      (peers) => peers.every((peer) => peer.includes("I_Open")) || !allRun(),
      startWithin,
    );
    for (const [name, address] of Object.entries<string>(icscfs)) {
      if (processes.get(name)?.running !== true) continue;
      await eventually(
        () => reachesHss(address),
        (reaches) => reaches,
        startWithin,
      );
    }
  };

  try {
    const trusted = [...Object.values(addresses), breakout, ...(options.trusted ?? [portal])];
    const values = {
      RUN: folder,
      MODULES: dirname(packageFile("kamailio", "/modules/tm.so")),
      HOME: homeDomain,
      ICSCF: icscf,
      ICSCFS: oneOf(Object.values(icscfs)),
      CHALLENGED: oneOf([options.challenged ?? "nobody"]),
      EXPIRES: String(options.maxExpires ?? 3600),
      SCSCF: scscf,
      RESERVE: topology.reserveScscf,
      PCSCF: pcscf,
      PORT: tls === undefined ? "5060" : "5061;transport=tls",
      HSS: hssAddress,
      BREAKOUT: breakout,
      TRUSTED: oneOf(trusted),
    };
    renderCore(folder, values, { icscfs, scscfs });
    if (tls !== undefined) await writeCertificates(folder, tls, { ...icscfs, ...scscfs, portal });
    for (const name of Object.keys(addresses)) start(name);
    await connected();
    await serves(pcscf, 5060);
    if (!allRun()) throw new Error("a CSCF ended");
  } catch (error) {
    const said = logs();
    await close();
    throw new Error(`the Kamailio core did not come up\n${said}`, { cause: error });
  }
  return {
    entryPoint: `sip:${icscf}:${port}`,
    entryPoints: Object.values(icscfs).map((address) => `sip:${address}:${port}`),
    accessPoint: `sip:${pcscf}:5060`,
    hss,
    portalTls:
      tls === undefined
        ? undefined
        : { cert: join(folder, "portal.pem"), key: join(folder, "portal.key"), ca: join(folder, "authority.pem") },
    async contacts(impu) {
      const records = await Promise.all(Object.keys(scscfs).map((name) => ask(name, "ulscscf.showimpu", impu)));
      return records.flatMap(contactsIn);
    },
    featureCaps: (impu) =>
      [...registrarLogs().matchAll(/REGISTER of a trusted node for (\S+): (.*)/g)].flatMap(([, of, caps = ""]) =>
        of === impu ? [caps] : [],
      ),
    watches: (impu) => registrarLogs().split(`watched: ${impu}\n`).slice(1).length,
    deregister: (impu, only) => hss.deregister(impu, only),
    stop: async (name) => await processes.get(name)?.close(),
    crash: async (name) => await processes.get(name)?.crash(),
    async start(name) {
      start(name);
      await serves(addresses[name] ?? "", diameter.has(name) ? port : 5060);
      await connected();
    },
    connected,
    logs,
    close,
  };
}

/** A regular expression that fits these texts alone. */
function oneOf(texts: readonly string[]): string {
  return `^(${texts.map((text) => text.replaceAll(".", "\\.")).join("|")})$`;
}

/** Each element's certificate is that of its address, by which all others know it. */
async function writeCertificates(
  folder: string,
  authority: Authority,
  addresses: Readonly<Record<string, string>>,
): Promise<void> {
  writeFileSync(join(folder, "authority.pem"), authority.ca);
  for (const [name, value] of Object.entries(addresses)) {
    const { cert, key } = await authority.issue([{ type: "ip", value }]);
    writeFileSync(join(folder, `${name}.pem`), cert);
    writeFileSync(join(folder, `${name}.key`), key, { mode: 0o600 });
  }
}

async function serves(address: string, port: number): Promise<void> {
  await eventually(
    () => accepts(address, port),
    (open) => open,
    startWithin,
  );
}

async function accepts(address: string, port: number): Promise<boolean> {
  const socket = connect(port, address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function contactsIn(record: string): string[] {
  const [, contacts = ""] = record.split("contacts:");
  return [...contacts.matchAll(/^\s*(sips?:\S+): \{$/gm)].map(([, uri = ""]) => uri);
}
