import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { parse } from "yaml";
import { newFolder, portico } from "../../apps/portico/test/support/command.ts";

vi.setConfig({ testTimeout: 120_000 });

const main = fileURLToPath(new URL("../../apps/portico/src/main.ts", import.meta.url));
const terminal = process.platform === "linux" && existsSync("/usr/bin/script");
if (!terminal && process.env["CI"] === "true") throw new Error("no script(1), which gives a test a terminal");

const questions = [
  "Where do browsers reach the portal?",
  "On which address and port does it listen?",
  "Home domain of the IMS",
  "SIP URI of the I-CSCF",
  "Which address of this machine does the core reach?",
  "Which addresses does the core send from?",
  "Which address of this machine do browsers reach for media?",
  "What do users dial before a foreign number?",
  "Emergency numbers",
];

/** `portico init` on a terminal of its own. */
class Terminal {
  readonly #child;
  readonly ended: Promise<number | null>;
  screen = "";

  constructor(folder: string) {
    const command = `stty cols 160 rows 50; '${process.execPath}' --conditions=source '${main}' init '${folder}' --home-domain ims.test`;
    this.#child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout.on("data", (bytes: Buffer) => (this.screen += bytes.toString()));
    this.ended = new Promise((resolve) => this.#child.on("close", resolve));
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  async shows(text: string): Promise<void> {
    await vi.waitUntil(() => this.screen.includes(text), { timeout: 60_000 });
  }

  types(keys: string): void {
    this.#child.stdin.write(keys);
  }
}

/** All that was written but the addresses: of those a machine offers its own. */
function settingsIn(folder: string): unknown {
  const {
    mw: _mw,
    media: _media,
    ...rest
  } = parse(readFileSync(join(folder, "portico.yaml"), "utf8")) as Record<string, unknown>;
  return rest;
}

test.skipIf(!terminal)(
  "init asks on a terminal, says at once what is no answer, and writes what was answered",
  async () => {
    const [asked, given] = [newFolder(), newFolder()];
    const user = new Terminal(asked);
    for (const [n, question] of questions.entries()) {
      await user.shows(question);
      if (n === 0) {
        user.types("x\r");
        await user.shows("Write a URL, for example https://portal.example");
        user.types("\u007F");
      }
      user.types("\r");
    }
    expect(await user.ended).toBe(0);
    expect(user.screen).toContain(`portico serve ${join(asked, "portico.yaml")}`);
    expect((await portico("check-config", join(asked, "portico.yaml"))).code).toBe(0);
    await portico("init", given, "--yes", "--home-domain", "ims.test");
    expect(settingsIn(asked)).toEqual(settingsIn(given));
  },
);

test.skipIf(!terminal)("init that is called off has written nothing", async () => {
  const folder = join(newFolder(), "new");
  const user = new Terminal(folder);
  await user.shows(questions[0] ?? "");
  user.types("\u0003");
  expect(await user.ended).toBe(1);
  expect(user.screen).toContain("Nothing was written.");
  expect(existsSync(folder)).toBe(false);
});
