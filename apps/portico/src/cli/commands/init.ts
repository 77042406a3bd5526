import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError } from "../../config/complaint.ts";
import { parseConfig } from "../../config/config.ts";
import { configSchema } from "../../config/schema.ts";
import { sealKey } from "../../sealKey.ts";
import { CliError } from "../cliError.ts";
import type { Output } from "../output.ts";
import { defaultFile } from "../defaultFile.ts";
import { type Answers, configText, hostAndPort } from "./initText.ts";

/** Options of `init` as commander gives them. */
export type InitOptions = Readonly<Record<string, string | boolean | undefined>>;

const schemaFile = "portico.schema.json";

/**
 * `portico init`: writes `portico.yaml`, its schema and the seal key.
 * @throws CliError when a file exists (and there is no --force), or an answer does not fit
 */
export async function init(folder: string, options: InitOptions, output: Output): Promise<void> {
  const files = { config: join(folder, defaultFile), schema: join(folder, schemaFile) };
  if (options["force"] !== true && existsSync(files.config)) {
    throw new CliError("failed", `${files.config} exists`, "Name another folder, or add --force to write over it.");
  }
  const interactive = options["yes"] !== true;
  if (interactive && !output.interactive) {
    throw new CliError("usage", "there is no terminal to ask on", "Add --yes and the options of portico init --help.");
  }
  const given = answersOf(options);
  const answers = interactive ? await (await import("./initPrompts.ts")).ask(given) : given;
  const text = configText(answers, schemaFile);
  checked(text, files.config);

  mkdirSync(folder, { recursive: true });
  writeFileSync(files.config, text, { mode: 0o600 });
  // A file that was there keeps its mode otherwise.
  chmodSync(files.config, 0o600);
  writeFileSync(files.schema, `${JSON.stringify(configSchema, null, 2)}\n`);
  const data = join(folder, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chmodSync(data, 0o700);
  sealKey(data);

  const { print, style } = output;
  print(`${style("green", "written")} ${files.config}   the configuration, with comments`);
  print(`${style("green", "written")} ${files.schema}   its schema, for editors`);
  print(`${style("green", "written")} ${join(data, "seal.key")}   the key of this node: keep it, show it to nobody`);
  const named = folder === "." ? "" : ` ${files.config}`;
  print(`\nNext:\n  portico check-config${named}\n  portico serve${named}`);
}

/** Answers out of the options, and defaults for a trial on this machine where there is none. */
function answersOf(options: InitOptions): Answers {
  const option = (name: string, byDefault: string): string => {
    const value = options[name];
    return typeof value === "string" ? value : byDefault;
  };
  const listen = option("listen", "127.0.0.1:8090");
  const place = hostAndPort(listen);
  if (place === undefined) {
    throw new CliError("usage", `--listen ${listen} is no address and port`, "Write for example --listen 0.0.0.0:443.");
  }
  const cert = option("tlsCert", "");
  const key = option("tlsKey", "");
  if ((cert === "") !== (key === "")) {
    throw new CliError("usage", "--tls-cert and --tls-key go together", "Name both files, or neither.");
  }
  const homeDomain = option("homeDomain", "ims.example");
  const mwAddress = option("mwAddress", "127.0.0.1");
  return {
    publicUrl: option("publicUrl", `http://localhost:${place.port}`),
    listen,
    tls: cert === "" ? undefined : { cert: resolve(cert), key: resolve(key) },
    homeDomain,
    entryPoint: option("entryPoint", `sip:icscf.${homeDomain};transport=tcp`),
    corePeers: words(option("corePeers", mwAddress)),
    mwAddress,
    mediaAddress: option("mediaAddress", mwAddress),
    internationalPrefix: option("internationalPrefix", "00"),
    emergency: words(option("emergency", "112,911")),
  };
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

/** Nothing is written that `serve` would refuse. */
function checked(text: string, file: string): void {
  try {
    parseConfig(text, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [first] = error.complaints;
    throw new CliError(
      "usage",
      `the answers make no configuration: ${first?.path} ${first?.problem}`,
      `For ${first?.path}: ${first?.remedy}.`,
    );
  }
}
