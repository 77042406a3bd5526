import { type Command, Option } from "commander";
import type { Connection } from "../adminClient.ts";
import { Ended, exitCodes } from "../cliError.ts";
import { defaultFile } from "../defaultFile.ts";
import type { OpenOutput } from "../output.ts";

/** `init`, `check-config`, `config-schema`, `serve`, `reload`: commands on one node's own files. */
export function configurationCommands(program: Command, open: OpenOutput): void {
  program.commandsGroup("A node of the portal:");
  program
    .command("init")
    .summary("write a configuration and keys")
    .description(
      "Asks for what a portal needs and writes a commented configuration, with keys that only their owner can read.\n" +
        "With --yes it asks nothing and takes the options and their defaults.",
    )
    .argument("[folder]", "where to write", ".")
    .option("--public-url <url>", "where browsers reach the portal")
    .option("--listen <address:port>", "address and port of the public listener")
    .option("--tls-cert <file>", "certificate, PEM")
    .option("--tls-key <file>", "its private key, PEM")
    .option("--home-domain <name>", "home domain of the IMS")
    .option("--entry-point <sip-uri>", "SIP URI of the I-CSCF")
    .option("--core-peers <addresses>", "addresses the core sends from, with commas")
    .option("--mw-address <address>", "this machine's address toward the core")
    .option("--media-address <address>", "this machine's address toward browsers")
    .option("--international-prefix <digits>", "what users dial before a foreign number")
    .option("--emergency <numbers>", "emergency numbers, with commas")
    .option("--yes", "ask nothing")
    .option("--force", "write over files that exist")
    .action(async (folder: string, options: Record<string, string | boolean | undefined>) => {
      const { init } = await import("./init.ts");
      await init(folder, options, open(false));
    });
  program
    .command("check-config")
    .summary("say what is wrong with a configuration")
    .description("Reads a configuration as serve does, and says of each mistake where it is and how to mend it.")
    .argument("[file]", "configuration", defaultFile)
    .addOption(jsonOption())
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      const { checkConfig } = await import("./checkConfig.ts");
      checkConfig(file, open(json));
    });
  program
    .command("config-schema")
    .summary("print the JSON Schema of the configuration, for editors")
    .action(async () => {
      const { configSchema } = await import("../../config/schema.ts");
      open(false).print(JSON.stringify(configSchema, null, 2));
    });
  program
    .command("serve")
    .summary("run the portal")
    .description("Runs the portal until SIGTERM or Ctrl-C. SIGHUP makes it read its configuration again.")
    .argument("[file]", "configuration", defaultFile)
    .action(async (file: string) => {
      const { serve } = await import("./serve.ts");
      await serve(file, open(false));
    });
  program
    .command("doctor")
    .summary("look for what keeps a portal from working")
    .description(
      "Checks files, disk, addresses, ports, DNS, certificates, database, the IMS core (OPTIONS, and a REGISTER that asks as a\n" +
        "trusted node and changes nothing) and the clock. Says of each what was seen and what to do. Ends with 1 when one fails.",
    )
    .argument("[file]", "configuration", defaultFile)
    .addOption(jsonOption())
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      const { doctor } = await import("./doctor.ts");
      const code = await doctor(file, open(json));
      if (code !== exitCodes.ok) throw new Ended(code);
    });
  program
    .command("dialplan")
    .summary("try the dial plan: dialplan test NUMBER")
    .command("test")
    .description(
      "Shows what becomes of a dialled number: the form it is read as, what is sent, and whether it is allowed.",
    )
    .argument("<number>", "as a user types it")
    .option("--tenant <id>", "by the plan of this tenant: of the file, or of the portal that runs")
    .option("--config <file>", "configuration", defaultFile)
    .option("--url <url>", "where the Admin API is (or PORTICO_ADMIN_URL)")
    .option("--key-file <file>", "file with an API key (or the key itself in PORTICO_ADMIN_KEY)")
    .addOption(jsonOption())
    .action(async (number: string, options: Connection & { tenant?: string; json?: boolean }) => {
      const { dialplanTest } = await import("./dialplan.ts");
      await dialplanTest(number, { ...options, file: options.config }, open(options.json ?? false));
    });
  for (const [usage, summary, text] of [
    ["backup <to>", "write the database to a file, while the portal runs", "Personal data is in it: mode 0600."],
    [
      "restore <from>",
      "fill an empty database with a backup",
      "Of either kind: SQLite or PostgreSQL. All of it, or nothing.",
    ],
    [
      "verify-audit",
      "check the audit in the database, without a running portal",
      "Ends with 1 when a record was changed or is gone.",
    ],
  ] as const) {
    const command = program
      .command(usage)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}. ${text}`);
    command.option("--config <file>", "configuration", defaultFile).addOption(jsonOption());
    if (usage === "verify-audit") {
      command.option(
        "--checkpoints <file>",
        "what portico audit checkpoints has printed: the audit must agree with it",
      );
    }
    command.action(async () => {
      const {
        config,
        json = false,
        checkpoints,
      } = command.opts<{
        config: string;
        json?: boolean;
        checkpoints?: string;
      }>();
      const { backUp, restoreFrom, verifyStoredAudit } = await import("./database.ts");
      const [file = ""] = command.args;
      if (usage === "backup <to>") await backUp(file, config, open(json));
      else if (usage === "restore <from>") await restoreFrom(file, config, open(json));
      else await verifyStoredAudit(config, checkpoints, open(json));
    });
  }
  program
    .command("reload")
    .summary("make a running portal read its configuration again")
    .description(
      "Checks the configuration and hands it to the portal that runs on this machine. Says what is in force now, and what\n" +
        "needs a restart. No call and no registration ends.",
    )
    .argument("[file]", "configuration", defaultFile)
    .addOption(jsonOption())
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      const { reload } = await import("./reload.ts");
      await reload(file, open(json));
    });
}

const jsonOption = (): Option => new Option("--json", "print JSON for programs");
