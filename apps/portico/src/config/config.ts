import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Compile } from "typebox/compile";
import { ConfigError } from "./complaint.ts";
import { ConfigDocument } from "./document.ts";
import { examine, type Path, type Schema } from "./examine.ts";
import { resolveReferences } from "./references.ts";
import { checkRules } from "./rules.ts";
import { configSchema, type PortalConfig } from "./schema.ts";

/** Octets of a configuration file at most. */
const largest = 8 * 1024 * 1024;
const check = Compile(configSchema);
// Its own type knows more than the walk over it needs.
const rules = configSchema as unknown as Schema;
/** Texts that may hold a password, wherever they come from. */
const secretSettings = new Set(["database.postgres", "sharedState.valkey", "keySecret", "turn.secret"]);

/** Reads a YAML (or JSON) configuration file. @throws ConfigError with everything that is wrong with it. */
export function readConfig(file: string, env: NodeJS.ProcessEnv = process.env): PortalConfig {
  let source: string;
  try {
    if (statSync(file).size > largest) throw ConfigError.ofFile(file, "is too large", "keep it below 8 MiB");
    source = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw ConfigError.ofFile(
      file,
      absent ? "does not exist" : "cannot be read",
      absent ? "name an existing file, or write one with portico init" : "make it readable for this user",
    );
  }
  return parseConfig(source, file, env);
}

/** @param file name for messages; relative paths are seen from its folder. @throws ConfigError. */
export function parseConfig(source: string, file: string, env: NodeJS.ProcessEnv = process.env): PortalConfig {
  const document = new ConfigDocument(source, file);
  const folder = dirname(resolve(file));
  const { value, findings, secret } = resolveReferences(document.value, { env, folder });
  const shown = (path: Path): boolean => !secret.has(path.join(".")) && !secretSettings.has(path.join("."));
  const failed = new Set(findings.map(({ path }) => path.join(".")));
  const all = [
    ...findings,
    // A reference that failed is told once.
    ...examine(rules, numbered(value, secret), shown).filter(({ path }) => !failed.has(path.join("."))),
  ];
  const config = withDefaults(numbered(value, secret));
  if (all.length === 0) all.push(...checkRules(config));
  if (all.length > 0) {
    const complaints = all.map((finding) => document.locate(finding));
    throw new ConfigError(
      file,
      complaints.toSorted((a, b) => a.line - b.line || a.column - b.column),
    );
  }
  if (!check.Check(config)) throw ConfigError.ofFile(file, "does not fit", "compare it with the schema");
  return absolute(config, folder);
}

/** A whole text that came from the environment or a file may stand for a number, a truth value. */
function numbered(value: unknown, secret: ReadonlySet<string>): unknown {
  const walk = (here: unknown, path: string, rule: Schema | undefined): unknown => {
    if (typeof here === "string" && secret.has(path)) {
      if (rule?.type === "integer" && /^-?\d{1,15}$/.test(here)) return Number(here);
      if (rule?.type === "boolean" && (here === "true" || here === "false")) return here === "true";
      return here;
    }
    if (here === null || typeof here !== "object" || Array.isArray(here)) return here;
    return Object.fromEntries(
      Object.entries(here).map(([key, inner]) => [
        key,
        walk(inner, path === "" ? key : `${path}.${key}`, rule?.properties?.[key]),
      ]),
    );
  };
  return walk(value, "", rules);
}

function withDefaults(value: unknown): PortalConfig {
  const given = value as Partial<PortalConfig> | null;
  const config = {
    data: "./data",
    accessTokenSeconds: 3600,
    maxExpiresSeconds: 3600,
    graceSeconds: 32,
    tenants: [],
    ...given,
    media: { latchCore: false, ...given?.media },
  };
  return config as PortalConfig;
}

function absolute(config: PortalConfig, folder: string): PortalConfig {
  const at = (path: string): string => resolve(folder, path);
  const data = at(config.data);
  const files = ({ cert, key }: { cert: string; key: string }) => ({ cert: at(cert), key: at(key) });
  const { tls, admin, database, mw } = config;
  const sqlite = database?.sqlite;
  const { clientCertificates } = config.listen;
  return {
    ...config,
    publicUrl: new URL(config.publicUrl).origin,
    data,
    database:
      database?.postgres !== undefined
        ? database
        : { sqlite: sqlite === undefined ? join(data, "portal.sqlite") : at(sqlite) },
    ...(tls === undefined
      ? {}
      : { tls: { ...files(tls), ...(tls.clientCa === undefined ? {} : { clientCa: at(tls.clientCa) }) } }),
    ...(clientCertificates?.ca === undefined
      ? {}
      : { listen: { ...config.listen, clientCertificates: { ca: at(clientCertificates.ca) } } }),
    ...(mw.tls === undefined
      ? {}
      : {
          mw: {
            ...mw,
            tls: { ...mw.tls, ...files(mw.tls), ...(mw.tls.ca === undefined ? {} : { ca: at(mw.tls.ca) }) },
          },
        }),
    ...(admin?.tls === undefined ? {} : { admin: { ...admin, tls: files(admin.tls) } }),
  };
}
