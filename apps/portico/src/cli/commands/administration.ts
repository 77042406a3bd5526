import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { parse } from "yaml";
import { AdminClient } from "../adminClient.ts";
import { tellVerdict, type Verdict } from "../auditVerdict.ts";
import { CliError } from "../cliError.ts";
import { importEntries } from "../importEntries.ts";
import { defaultFile } from "../defaultFile.ts";
import type { OpenOutput, Output } from "../output.ts";
import { type Column, table } from "../table.ts";

/** Options that every command on the Admin API has. */
interface Common {
  readonly config: string;
  readonly url?: string;
  readonly keyFile?: string;
  readonly json?: boolean;
}

type Row = Readonly<Record<string, unknown>>;
type Options = Common & Readonly<Record<string, string | boolean | undefined>>;

/** What a command has to work with. */
interface Work {
  readonly api: AdminClient;
  readonly out: Output;
  readonly args: readonly string[];
  readonly options: Options;
}

const encoded = encodeURIComponent;
const column = (title: string, path: string, right = false): Column<Row> => ({
  title,
  right,
  cell: (row) => {
    const value = path.split(".").reduce<unknown>((at, key) => (at as Row | undefined)?.[key], row);
    return Array.isArray(value)
      ? value.length
      : typeof value === "string" || typeof value === "number"
        ? value
        : undefined;
  },
});

/** `tenant`, `block`, `lease`, `token`, `registration`, `session`, `audit`, `key`: on the Admin API of a running portal. */
export function administrationCommands(program: Command, open: OpenOutput): void {
  program.commandsGroup("A portal that runs (Admin API):");

  const group = (name: string, summary: string): Command =>
    program.command(name).summary(summary).description(`${summary}.`);
  const add = (
    parent: Command,
    usage: string,
    description: string,
    action: (work: Work) => Promise<void>,
    flags: readonly (readonly [string, string])[] = [],
  ): void => {
    const command = parent.command(usage).description(description);
    for (const [flag, about] of flags) command.option(flag, about);
    command
      .option("--config <file>", "configuration of a portal on this machine", defaultFile)
      .option("--url <url>", "where the Admin API is (or PORTICO_ADMIN_URL)")
      .option("--key-file <file>", "file with an API key (or the key itself in PORTICO_ADMIN_KEY)")
      .option("--json", "print JSON for programs")
      .action(async () => {
        const options = command.opts<Options>();
        await action({
          api: await AdminClient.of(options),
          out: open(options.json ?? false),
          args: command.args,
          options,
        });
      });
  };

  const tenant = group("tenant", "Third parties under contract");
  add(tenant, "list", "All tenants.", list("/tenants", tenantColumns));
  add(
    tenant,
    "show <id>",
    "A tenant's document.",
    show(([id = ""]) => `/tenants/${encoded(id)}`),
  );
  add(
    tenant,
    "add <file>",
    "Adds the tenant of a YAML or JSON file (- is standard input).",
    async ({ api, out, args: [file = ""] }) => {
      const { body } = await api.ask<Row>("POST", "/tenants", { body: documentOf(file) });
      done(out, body, `tenant ${String(body["id"])} added`);
    },
  );
  add(
    tenant,
    "replace <id> <file>",
    "Puts another document in the place of a tenant's.",
    async ({ api, out, args: [id = "", file = ""] }) => {
      const path = `/tenants/${encoded(id)}`;
      const { etag } = await api.ask("GET", path);
      const { body } = await api.ask<Row>("PUT", path, { body: documentOf(file), ifMatch: etag });
      done(out, body, `tenant ${id} replaced`);
    },
  );
  const reason = [["--reason <text>", "why; it stands in the audit"]] as const;
  for (const [verb, past] of [
    ["suspend", "suspended: everything it had has ended"],
    ["resume", "resumed"],
  ] as const) {
    add(
      tenant,
      `${verb} <id>`,
      verb === "suspend" ? "Ends everything a tenant has, until it is resumed." : "Takes a suspension back.",
      async ({ api, out, args: [id = ""], options }) => {
        const { body } = await api.ask<Row>("POST", `/tenants/${encoded(id)}/${verb}`, {
          body: options["reason"] === undefined ? {} : { reason: options["reason"] },
        });
        done(out, body, `tenant ${id} ${past}`);
      },
      reason,
    );
  }
  add(
    tenant,
    "remove <id>",
    "Removes a tenant with all it has; the history of its identities stays.",
    async ({ api, out, args: [id = ""] }) => {
      const path = `/tenants/${encoded(id)}`;
      const { etag } = await api.ask("GET", path);
      await api.ask("DELETE", path, { ifMatch: etag });
      done(out, { id }, `tenant ${id} removed`);
    },
  );

  const block = group("block", "Identities of a tenant");
  add(block, "use <tenant>", "How full a tenant's block is.", async ({ api, out, args: [id = ""] }) => {
    const { body } = await api.ask<Row>("GET", `/tenants/${encoded(id)}/blocks/usage`);
    rows(
      out,
      [body],
      ["size", "assigned", "resting", "free", "sessions"].map((name) => column(name.toUpperCase(), name, true)),
    );
  });
  add(
    block,
    "entries <tenant>",
    "The identities of a tenant.",
    list(([id = ""]) => `/tenants/${encoded(id)}/entries`, entryColumns),
  );
  add(
    block,
    "history <tenant> <impu>",
    "Who held an identity, from when to when.",
    async ({ api, out, args: [id = "", impu = ""] }) => {
      const { body } = await api.ask<{ items: Row[] }>(
        "GET",
        `/tenants/${encoded(id)}/entries/${encoded(impu)}/history`,
      );
      rows(out, body.items, assignmentColumns);
    },
  );
  add(
    block,
    "import <tenant> <block> <file>",
    "Adds the identities of a CSV or JSON file to a block. What is long goes in parts, each all or nothing.",
    async ({ api, out, args }) => await importEntries(api, out, args),
  );
  add(
    block,
    "export <tenant>",
    "Entries for provisioning the HSS.",
    async ({ api, out, args: [id = ""], options }) => {
      const { body } = await api.ask<unknown>(
        "GET",
        `/tenants/${encoded(id)}/entries/export?format=${options["format"] === "csv" ? "csv" : "json"}`,
      );
      out.print(typeof body === "string" ? body.trimEnd() : JSON.stringify(body, null, 2));
    },
    [["--format <format>", "csv or json (default)"]],
  );

  const lease = group("lease", "Web sessions of users, and the identities they use");
  add(
    lease,
    "list <tenant>",
    "The leases of a tenant.",
    list(([id = ""]) => `/tenants/${encoded(id)}/leases`, leaseColumns),
  );
  add(
    lease,
    "end <tenant> <id>",
    "Ends a web session: tokens, registrations, calls.",
    remove(([id = "", one = ""]) => `/tenants/${encoded(id)}/leases/${encoded(one)}`, "lease ended"),
  );

  const token = group("token", "Access tokens, by their jti");
  add(
    token,
    "show <jti>",
    "Whose token it is.",
    show(([jti = ""]) => `/tokens/${encoded(jti)}`),
  );
  add(
    token,
    "revoke <jti>",
    "Ends the web session of a token.",
    remove(([jti = ""]) => `/tokens/${encoded(jti)}`, "token revoked"),
  );

  const registration = group("registration", "Live registrations");
  const ofTenant = [["--tenant <id>", "of this tenant alone"]] as const;
  add(registration, "list", "Who is registered.", list("/registrations", registrationColumns), ofTenant);
  add(
    registration,
    "end <id>",
    "Ends a registration and its calls.",
    remove(([id = ""]) => `/registrations/${encoded(id)}`, "registration ended"),
  );

  const trace = group("trace", "SIP messages of single users, on this node");
  add(trace, "list", "The traces.", list("/traces", traceColumns));
  add(
    trace,
    "start <impu>",
    "Traces a user for a time; it ends by itself.",
    async ({ api, out, args: [impu = ""], options }) => {
      const { seconds, reason: why } = options;
      const body = { seconds: Number(seconds ?? 300), reason: why ?? "" };
      const { body: begun } = await api.ask<Row>("PUT", `/traces/${encoded(impu)}`, { body });
      done(out, begun, `traced until ${String(begun["until"])}`);
    },
    [
      ["--seconds <n>", "for how long, 1 to 3600; 300 if left out"],
      ["--reason <text>", "why; it stands in the audit"],
    ],
  );
  add(
    trace,
    "show <impu>",
    "What a trace has.",
    show(([impu = ""]) => `/traces/${encoded(impu)}`),
  );
  add(
    trace,
    "end <impu>",
    "Ends a trace, and forgets what it has.",
    remove(([impu = ""]) => `/traces/${encoded(impu)}`, "trace ended"),
  );

  const session = group("session", "Live calls");
  add(session, "list", "The calls.", list("/sessions", sessionColumns), ofTenant);
  add(
    session,
    "end <id>",
    "Releases a call on both sides.",
    remove(([id = ""]) => `/sessions/${encoded(id)}`, "call released"),
  );

  const audit = group("audit", "Who did what");
  add(audit, "list", "The audit, latest first.", list("/audit", auditColumns), ofTenant);
  add(
    audit,
    "checkpoints",
    "Signs the present end of each chain. Keep what it prints where nobody who can write the database can reach.",
    async ({ api, out }) => out.print(JSON.stringify((await api.ask("GET", "/audit/checkpoints")).body, null, 2)),
  );
  const kept = [["--checkpoints <file>", "what audit checkpoints has printed: the audit must agree with it"]] as const;
  add(audit, "verify", "Checks the chains of the audit.", verifyAudit, kept);

  const signing = group("signing-key", "Keys that sign access tokens, the same on all nodes");
  add(signing, "list", "The keys, the next one first.", async ({ api, out }) => {
    const { body } = await api.ask<{ items: Row[] }>("GET", "/signing-keys");
    rows(out, body.items, signingKeyColumns);
  });
  add(
    signing,
    "rotate",
    "Makes the next key. It is published at once and signs ten minutes later; tokens of the key before stay good.",
    async ({ api, out, options }) => {
      const { body } = await api.ask<Row>("POST", "/signing-keys/rotate", {
        body: { atOnce: options["atOnce"] === true },
      });
      done(out, body, "there is a new signing key");
    },
    [["--at-once", "it signs at once: the present key is no longer trusted"]],
  );

  const key = group("key", "API keys of the Admin API");
  add(key, "list", "The keys.", list("/api-keys", keyColumns));
  add(
    key,
    "add <name>",
    "Makes a key and shows it, once.",
    async ({ api, out, args: [name = ""], options }) => {
      const { role = "operator", tenant: id } = options;
      const { body } = await api.ask<Row>("POST", "/api-keys", {
        body: { name, role, ...(id === undefined ? {} : { tenant: id }) },
      });
      if (out.json) return out.print(JSON.stringify(body, null, 2));
      out.note("Keep it; it is not shown again:");
      out.print(String(body["secret"]));
    },
    [
      ["--role <role>", "operator (default), tenant-admin or auditor"],
      ["--tenant <id>", "of a tenant-admin"],
    ],
  );
  add(
    key,
    "revoke <id>",
    "Takes a key away.",
    remove(([id = ""]) => `/api-keys/${encoded(id)}`, "key revoked"),
  );
}

async function verifyAudit({ api, out, options }: Work): Promise<void> {
  const file = options["checkpoints"];
  const { readCheckpoints } = await import("../checkpointFile.ts");
  const checkpoints = typeof file === "string" ? readCheckpoints(file).items : [];
  const { body } = await api.ask<Verdict>("POST", "/audit/verify", { body: { checkpoints } });
  tellVerdict(body, checkpoints.length, out);
}

function list(path: string | ((args: readonly string[]) => string), columns: readonly Column<Row>[]) {
  return async ({ api, out, args, options }: Work): Promise<void> => {
    const at = typeof path === "string" ? path : path(args);
    const query = typeof options["tenant"] === "string" ? `?tenant=${encoded(options["tenant"])}` : "";
    rows(out, await api.all<Row>(at + query), columns);
  };
}

function show(path: (args: readonly string[]) => string) {
  return async ({ api, out, args }: Work): Promise<void> => {
    const { body } = await api.ask("GET", path(args));
    out.print(JSON.stringify(body, null, 2));
  };
}

function remove(path: (args: readonly string[]) => string, said: string) {
  return async ({ api, out, args }: Work): Promise<void> => {
    await api.ask("DELETE", path(args));
    done(out, {}, said);
  };
}

function rows(out: Output, items: readonly Row[], columns: readonly Column<Row>[]): void {
  if (out.json) out.print(JSON.stringify(items, null, 2));
  else if (items.length === 0) out.note("none");
  else out.print(table(items, columns, (text) => out.style("bold", text)));
}

function done(out: Output, body: Row, said: string): void {
  out.print(out.json ? JSON.stringify(body, null, 2) : `${out.style("green", "ok")} ${said}`);
}

function documentOf(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch {
    throw new CliError("usage", `${file} cannot be read`, "Name a YAML or JSON file, or - for standard input.");
  }
  try {
    return parse(text);
  } catch (error) {
    const [what] = (error as Error).message.split("\n");
    throw new CliError("usage", `${file} is no YAML: ${what}`, "Correct it.");
  }
}

const tenantColumns = [
  column("ID", "id"),
  column("NAME", "document.name"),
  column("STANDING", "standing"),
  column("SOURCE", "source"),
  column("CLIENTS", "document.clients", true),
  column("BLOCKS", "document.blocks", true),
];
const entryColumns = [column("IMPU", "impu"), column("TEL", "tel"), column("BLOCK", "block"), column("STATE", "state")];
const assignmentColumns = [
  column("SUBJECT", "subject"),
  column("FROM", "startedAt"),
  column("UNTIL", "endedAt"),
  column("END", "endReason"),
];
const leaseColumns = [
  column("ID", "id"),
  column("IMPU", "impu"),
  column("CLIENT", "clientId"),
  column("STARTED", "startedAt"),
  column("TOKEN UNTIL", "tokenUntil"),
  column("ENDED", "endedAt"),
];
const traceColumns = [
  column("IMPU", "impu"),
  column("SINCE", "since"),
  column("UNTIL", "until"),
  column("MESSAGES", "count", true),
  column("DROPPED", "dropped", true),
];
const registrationColumns = [
  column("ID", "id"),
  column("TENANT", "tenant"),
  column("IMPU", "impu"),
  column("FLOW", "flow"),
  column("SINCE", "since"),
  column("GRANTED UNTIL", "grantedUntil"),
  column("CALLS", "sessions", true),
];
const sessionColumns = [
  column("ID", "id"),
  column("TENANT", "tenant"),
  column("IMPU", "impu"),
  column("DIRECTION", "direction"),
  column("STATE", "state"),
  column("SINCE", "since"),
];
const auditColumns = [
  column("SEQ", "seq", true),
  column("AT", "at"),
  column("TENANT", "tenant"),
  column("ACTOR", "actor"),
  column("ACTION", "action"),
  column("SUBJECT", "subject"),
];
const signingKeyColumns = [column("KID", "kid"), column("SIGNS FROM", "signsFrom"), column("STATE", "state")];
const keyColumns = [
  column("ID", "id"),
  column("NAME", "name"),
  column("ROLE", "role"),
  column("TENANT", "tenant"),
  column("STATE", "state"),
  column("LAST USED", "lastUsedAt"),
];
