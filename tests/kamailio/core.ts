import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../support/eventually.ts";
import { packageFile } from "../support/packages.ts";
import { Hss } from "./hss/hss.ts";
import type { Subscription } from "./hss/subscription.ts";
import { startProcess, type FixtureProcess } from "./process.ts";
import { renderCore } from "./templates.ts";
import { topology } from "./topology.ts";

/** Debian packages of the core. */
export const corePackages: readonly string[] = ["kamailio", "kamailio-ims-modules", "kamailio-presence-modules"];

export interface KamailioCoreOptions {
  readonly subscriptions: readonly Subscription[];
  /** IPv4 addresses of further network elements that the CSCFs believe, for example a portal's; default the portal's. */
  readonly trusted?: readonly string[];
}

/** A running IMS core: Kamailio as P-, I- and S-CSCF, and an HSS. */
export interface KamailioCore {
  /** SIP URI of the I-CSCF. */
  readonly entryPoint: string;
  /** SIP URI of the P-CSCF for ordinary telephones. */
  readonly accessPoint: string;
  readonly hss: Hss;
  /** Contact URIs that the S-CSCF holds for a public identity. */
  contacts(impu: string): Promise<string[]>;
  /** Ends a registration from the network's side (RTR). @returns the S-CSCF's Result-Code */
  deregister(impu: string): Promise<number>;
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
  const processes: (readonly [name: string, process: FixtureProcess])[] = [];

  const logs = (): string =>
    processes
      .map(([name, process]) => {
        const lines = process.log().split("\n");
        const telling = lines.filter((line) => !line.includes(" INFO: "));
        return `--- ${name}\n${telling.slice(-shownLogLines).join("\n")}`;
      })
      .join("\n");
  const close = async (): Promise<void> => {
    await Promise.all(processes.map(([, process]) => process.close()));
    await hss.close();
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    const trusted = [icscf, scscf, pcscf, breakout, ...(options.trusted ?? [portal])];
    renderCore(folder, {
      RUN: folder,
      MODULES: dirname(packageFile("kamailio", "/modules/tm.so")),
      HOME: homeDomain,
      ICSCF: icscf,
      SCSCF: scscf,
      PCSCF: pcscf,
      HSS: hssAddress,
      BREAKOUT: breakout,
      TRUSTED: `^(${trusted.map((address) => address.replaceAll(".", "\\.")).join("|")})$`,
    });
    for (const name of ["icscf", "scscf", "pcscf"]) {
      const configuration = join(folder, `${name}.cfg`);
      // In the foreground, logging to standard error, 64 MB shared and 8 MB private memory.
      const args = ["-f", configuration, "-DD", "-E", "-m", "64", "-M", "8", "-Y", folder];
      processes.push([
        name,
        startProcess(packageFile("kamailio", "/sbin/kamailio"), args, join(folder, `${name}.log`)),
      ]);
    }
    await eventually(
      () => hss.peers.length === 2 || !processes.every(([, process]) => process.running),
      (done) => done,
      startWithin,
    );
    await eventually(
      () => accepts(pcscf),
      (open) => open,
      startWithin,
    );
    if (!processes.every(([, process]) => process.running)) throw new Error("a CSCF ended");
  } catch (error) {
    const said = logs();
    await close();
    throw new Error(`the Kamailio core did not come up\n${said}`, { cause: error });
  }
  return {
    entryPoint: `sip:${icscf}:5060`,
    accessPoint: `sip:${pcscf}:5060`,
    hss,
    contacts: (impu) => contactsOf(join(folder, "scscf.ctl"), impu),
    deregister: (impu) => hss.deregister(impu),
    logs,
    close,
  };
}

async function accepts(address: string): Promise<boolean> {
  const socket = connect(5060, address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function contactsOf(socket: string, impu: string): Promise<string[]> {
  const { stdout } = await run(packageFile("kamailio", "/sbin/kamcmd"), [
    "-s",
    `unix:${socket}`,
    "ulscscf.showimpu",
    impu,
  ]);
  const [, contacts = ""] = stdout.split("contacts:");
  return [...contacts.matchAll(/^\s*(sips?:\S+): \{$/gm)].map(([, uri = ""]) => uri);
}
