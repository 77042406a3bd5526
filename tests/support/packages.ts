import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * Makes sure that Debian packages are there: installs what is missing with apt-get when this is root on Debian.
 * @returns why they are not there, for `describe.skipIf` and its name; undefined when they are
 * @throws Error instead of returning a reason when `CI` is `true`: there a missing component is a failure
 *
 * @example
 * const missing = needPackages(["baresip"]);
 * describe.skipIf(missing !== undefined)(`a telephone${missing === undefined ? "" : ` (skipped: ${missing})`}`, …);
 */
export function needPackages(names: readonly string[]): string | undefined {
  const missing = provide(names);
  if (missing === undefined) return undefined;
  if (process.env["CI"] === "true") throw new Error(missing);
  console.warn(`tests skipped: ${missing}`);
  return missing;
}

function provide(names: readonly string[]): string | undefined {
  if (process.platform !== "linux" || !existsSync("/usr/bin/apt-get")) {
    return `${names.join(", ")} are taken from Debian packages, and this is no Debian`;
  }
  const absent = names.filter((name) => !isInstalled(name));
  if (absent.length === 0) return undefined;
  const list = absent.join(" ");
  if (process.getuid?.() !== 0) return `not installed, run as root: apt-get install --no-install-recommends ${list}`;
  console.warn(`installing ${list}`);
  if (install(absent) === undefined) return undefined;
  // Package lists that are old or absent are the usual reason.
  const refreshed = apt(["update"]);
  const refused = refreshed ?? install(absent);
  return refused === undefined ? undefined : `apt-get could not install ${list}: ${refused}`;
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync("/usr/bin/dpkg-query", ["-W", "-f=${db:Status-Status}", name], { encoding: "utf8" });
  return stdout === "installed";
}

function install(names: readonly string[]): string | undefined {
  return apt(["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", ...names]);
}

/** @returns the last line of the complaint, or undefined when it went well */
function apt(args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync("/usr/bin/apt-get", ["-q", ...args], {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 600_000,
  });
  if (status === 0) return undefined;
  return stderr?.trim().split("\n").at(-1) ?? error?.message ?? "it failed";
}

/** A file of an installed package, found by how its path ends: folders differ between architectures. */
export function packageFile(name: string, ending: string): string {
  const { stdout } = spawnSync("/usr/bin/dpkg-query", ["-L", name], { encoding: "utf8" });
  const file = stdout.split("\n").find((path) => path.endsWith(ending));
  if (file === undefined) throw new Error(`the package ${name} has no file …${ending}`);
  return file;
}
