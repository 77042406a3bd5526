import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ToneGenerator, ToneListener, type TonePattern, type ToneWindow } from "@portico/lab";
import { eventually } from "../support/eventually.ts";
import { packageFile } from "../support/packages.ts";
import type { Subscription } from "./hss/subscription.ts";
import { formatNetstring, NetstringReader } from "./netstring.ts";
import { startProcess } from "./process.ts";
import { telephoneAddress } from "./topology.ts";
import { formatWav, samplesOfWav } from "../support/wav.ts";

/** Debian packages of the telephone. */
export const telephonePackages: readonly string[] = ["baresip-core"];

export interface BaresipOptions {
  /** Which of the telephones of the test network, from 0: its address and its RTP ports. */
  readonly index: number;
  readonly subscription: Subscription & { readonly password: string };
  /** SIP URI of the P-CSCF. */
  readonly accessPoint: string;
  /** What it says in a call. */
  readonly tone: TonePattern;
  /** Ring until {@link Baresip.answer} instead of answering at once. */
  readonly rings?: boolean;
}

/** An event of baresip, for example `CALL_ESTABLISHED`. */
interface BaresipEvent {
  readonly type: string;
  readonly param: string;
}

/** A SIP telephone: the program baresip. */
export interface Baresip {
  readonly impu: string;
  readonly events: readonly BaresipEvent[];
  /** Resolves with the first event of that type that comes after the last one waited for. @param within ms. */
  event(type: string, within?: number): Promise<BaresipEvent>;
  /** Calls a SIP URI. */
  dial(uri: string): void;
  answer(): void;
  hangUp(): void;
  /**
   * 100 ms windows of what it has heard in all its calls so far. Version 1.0.0 stops its player, and the recording with it,
   * at the first re-INVITE of a call.
   */
  heard(): readonly ToneWindow[];
  /** Its log with the SIP messages. */
  log(): string;
  /** De-registers and ends. Idempotent. */
  close(): Promise<void>;
}

const rate = 8000;
const controlPort = 4444;
/** As long as a call of a test can be; the file is played once. */
const toneSeconds = 90;
const portsPerTelephone = 100;
const firstPort = 44_000;

/** Starts a telephone and waits until it is registered. @throws Error with its log when it does not register. */
export async function startBaresip(options: BaresipOptions): Promise<Baresip> {
  const { index, subscription, tone } = options;
  const address = telephoneAddress(index);
  const folder = mkdtempSync(join(tmpdir(), "portico-telephone-"));
  const recordings = join(folder, "heard");
  mkdirSync(recordings);
  writeFileSync(join(folder, "tone.wav"), formatWav(new ToneGenerator(tone, rate).next(rate * toneSeconds), rate));
  writeFileSync(join(folder, "config"), configuration(folder, address, index));
  writeFileSync(join(folder, "accounts"), account(options));
  const program = startProcess("baresip", ["-4", "-f", folder, "-n", address, "-s"], join(folder, "log"));
  const events: BaresipEvent[] = [];
  let control: Socket | undefined;
  let seen = 0;

  const command = (name: string, params?: string): void => {
    control?.write(formatNetstring(JSON.stringify({ command: name, ...(params === undefined ? {} : { params }) })));
  };
  const event = async (type: string, within = 30_000): Promise<BaresipEvent> => {
    const at = await eventually(
      () => events.findIndex((one, position) => position >= seen && one.type === type),
      (position) => position !== -1,
      within,
    ).catch((error: unknown) => {
      const types = events.map((one) => one.type).join(" ");
      throw new Error(`${subscription.impu}: no ${type} in ${within} ms, but: ${types}`, { cause: error });
    });
    seen = at + 1;
    return events[at] as BaresipEvent;
  };
  const close = async (): Promise<void> => {
    control?.destroy();
    await program.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    control = await eventually(
      () => connected(address),
      (socket) => socket !== undefined || !program.running,
    );
    const reader = new NetstringReader();
    // No encoding is set, so the chunks are octets.
    control?.on("data", (chunk) => events.push(...reader.push(chunk as Buffer).flatMap(eventOf)));
    control?.on("error", () => control?.destroy());
    await eventually(
      () => /200 OK .*\[1 binding\]/.test(program.log()),
      (registered) => registered,
    );
  } catch (error) {
    const said = program.log();
    await close();
    throw new Error(`${subscription.impu} did not register\n${said}`, { cause: error });
  }
  return {
    impu: subscription.impu,
    events,
    event,
    dial: (uri) => command("dial", uri),
    answer: () => command("accept"),
    hangUp: () => command("hangup"),
    heard: () => heardIn(recordings),
    log: () => program.log(),
    close,
  };
}

function configuration(folder: string, address: string, index: number): string {
  const ports = firstPort + index * portsPerTelephone;
  const lines = [
    `module_path ${dirname(packageFile("baresip-core", "/modules/g711.so"))}`,
    `sip_listen ${address}:5060`,
    `rtp_ports ${ports}-${ports + portsPerTelephone - 1}`,
    `audio_source aufile,${join(folder, "tone.wav")}`,
    "audio_player aubridge,nil",
    "audio_alert aubridge,nil",
    ...["ausrc_srate", "auplay_srate"].map((name) => `${name} ${rate}`),
    ...["ausrc_channels", "auplay_channels"].map((name) => `${name} 1`),
    `snd_path ${join(folder, "heard")}`,
    `ctrl_tcp_listen ${address}:${controlPort}`,
    ...["g711", "aufile", "aubridge", "sndfile"].map((name) => `module ${name}.so`),
    ...["uuid", "account"].map((name) => `module_tmp ${name}.so`),
    ...["menu", "ctrl_tcp"].map((name) => `module_app ${name}.so`),
  ];
  return `${lines.join("\n")}\n`;
}

function account({ subscription, accessPoint, rings = false }: BaresipOptions): string {
  const { impu, impi, password } = subscription;
  const parameters = [
    `auth_user=${impi}`,
    `auth_pass=${password}`,
    `outbound="${accessPoint};transport=udp"`,
    `answermode=${rings ? "manual" : "auto"}`,
    "regint=600",
    "audio_codecs=PCMA/8000/1,PCMU/8000/1",
  ];
  return `<${impu}>;${parameters.join(";")}\n`;
}

async function connected(address: string): Promise<Socket | undefined> {
  const socket = connect(controlPort, address);
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    return undefined;
  }
}

/** Answers to commands and events come the same way; only events have a class. */
function eventOf(text: string): BaresipEvent[] {
  const message = JSON.parse(text) as { event?: boolean; type?: string; param?: string };
  return message.event === true ? [{ type: message.type ?? "", param: message.param ?? "" }] : [];
}

/** The module sndfile writes what came off the wire to `…-dec.wav`, a file a call, named by the time. */
function heardIn(recordings: string): readonly ToneWindow[] {
  const files = readdirSync(recordings).filter((name) => name.endsWith("-dec.wav"));
  return files.toSorted().flatMap((file) => {
    const { rate: recorded, samples } = samplesOfWav(readFileSync(join(recordings, file)));
    return new ToneListener(recorded).push(samples);
  });
}
