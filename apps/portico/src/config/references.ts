import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Finding, Path } from "./examine.ts";

/** Where `${env:NAME}` and `${file:PATH}` take their text from. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  readonly folder: string;
}

/** A configuration's values with the references in its texts replaced. */
export interface Resolved {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Paths, joined by `.`, whose text came from elsewhere: it may be secret and is never shown. */
  readonly secret: ReadonlySet<string>;
}

const longestSecret = 65_536;
/** `$$` stands for a `$` of its own. */
const reference = /\$\$|\$\{([^}]*)\}?/g;

/** Replaces `${env:NAME}` and `${file:PATH}` in every text of a configuration; each that fails is a finding. */
export function resolveReferences(value: unknown, sources: SecretSources): Resolved {
  const findings: Finding[] = [];
  const secret = new Set<string>();

  const walk = (here: unknown, path: Path): unknown => {
    if (typeof here === "string") return text(here, path);
    if (Array.isArray(here)) return here.map((item, n) => walk(item, [...path, n]));
    if (here === null || typeof here !== "object") return here;
    return Object.fromEntries(Object.entries(here).map(([key, inner]) => [key, walk(inner, [...path, key])]));
  };

  const text = (written: string, path: Path): string =>
    written.replaceAll(reference, (whole, inner: string | undefined) => {
      if (inner === undefined) return "$";
      secret.add(path.join("."));
      const found = lookUp(inner, whole.endsWith("}"), sources);
      if (typeof found === "string") return found;
      findings.push({ path, at: "value", ...found });
      return whole;
    });

  return { value: walk(value, []), findings, secret };
}

function lookUp(
  inner: string,
  closed: boolean,
  { env, folder }: SecretSources,
): string | { problem: string; remedy: string } {
  const [, kind, name = ""] = /^(env|file):(.+)$/.exec(inner) ?? [];
  if (kind === undefined || !closed) {
    return {
      problem: "has a reference that is not understood",
      remedy: "write ${env:NAME} or ${file:PATH}, or $$ for a dollar sign",
    };
  }
  if (kind === "env") {
    return (
      env[name] ?? {
        problem: `takes its value from the environment variable ${name}, which is not set`,
        remedy: `set ${name} for the portal's process`,
      }
    );
  }
  const file = resolve(folder, name);
  try {
    const content = readFileSync(file, "utf8");
    if (content.length <= longestSecret) return content.replace(/\r?\n$/, "");
    return { problem: `takes its value from ${file}, which is too long`, remedy: "name a file of at most 64 KiB" };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "does not exist" : code === "EACCES" ? "may not be read" : `fails with ${code}`;
    return {
      problem: `takes its value from ${file}, which ${why}`,
      remedy: "create the file, readable by the portal's user alone (mode 0600), or correct the path",
    };
  }
}
