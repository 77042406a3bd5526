import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { get } from "node:https";
import { connect as connectTcp } from "node:net";
import { networkInterfaces } from "node:os";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { callPhase, dial, signIn } from "../support/acmePage.ts";
import { hasChromium, openPerson } from "../support/browser.ts";
import { untilPattern } from "../support/ears.ts";
import { eventually } from "../support/eventually.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const running = new Set<Demo>();

/** `npm start` as a user runs it. */
class Demo {
  readonly #process: ChildProcess;
  readonly exited: Promise<number | null>;
  said = "";

  constructor(...args: string[]) {
    const npm = process.env["npm_execpath"];
    const command = npm === undefined ? ["npm"] : [process.execPath, npm];
    const [program = "", ...first] = [...command, "start", "--silent", "--", ...args];
    // A group of its own, as a terminal gives it.
    this.#process = spawn(program, first, { cwd: root, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#process.stdout?.on("data", (bytes: Buffer) => (this.said += bytes.toString()));
    this.#process.stderr?.on("data", (bytes: Buffer) => (this.said += bytes.toString()));
    this.exited = new Promise((resolve) => this.#process.on("exit", resolve));
    running.add(this);
  }

  async ready(): Promise<string> {
    return await eventually(
      () => this.said,
      (said) => said.includes("Portico is ready"),
      30_000,
    );
  }

  /** npm, the runner and the program that starts the others: all that `npm start` began but portal, lab and Acme. */
  async launchers(): Promise<number[]> {
    const { pid = 0 } = this.#process;
    const below = async (parent: number): Promise<number[]> => {
      const listed = await readFile(`/proc/${parent}/task/${parent}/children`, "utf8");
      const children = listed.trim().split(" ").filter(Boolean).map(Number);
      return children.length > 1 ? [parent] : [parent, ...(await Promise.all(children.map(below))).flat()];
    };
    return await below(pid);
  }

  /** Ctrl-C in a terminal: the whole group gets it. */
  async interrupt(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGINT");
    await this.exited;
    running.delete(this);
  }
}

afterEach(async () => {
  for (const demo of running) await demo.interrupt();
});

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
};

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

test("the demo says within 15 s where to go and who can sign in, and Ctrl-C ends all of it", async () => {
  const demo = new Demo();
  const said = await demo.ready();
  expect(said).toContain("http://localhost:8080");
  for (const text of ["mary", "ken", "olivia", "+12025550110"]) expect(said).toContain(text);
  expect(Number(/ready \((\d+\.\d) s\)/.exec(said)?.[1])).toBeLessThan(15);
  expect(await answers("http://localhost:8080")).toBe(true);
  expect(await answers("http://localhost:8090/health")).toBe(true);
  await demo.interrupt();
  await eventually(
    () => answers("http://localhost:8080"),
    (up) => !up,
  );
  await eventually(
    () => answers("http://localhost:8090/health"),
    (up) => !up,
  );
});

test("a launcher that is killed takes its children with it", async () => {
  const demo = new Demo();
  await demo.ready();
  for (const pid of await demo.launchers()) process.kill(pid, "SIGKILL");
  // Acme, the portal, and the lab's I-CSCF.
  const still = await eventually(
    () => Promise.all([8080, 8090, 15_060].map(isOpen)),
    (up) => !up.includes(true),
    15_000,
  );
  expect(still).toEqual([false, false, false]);
});

test("a port in use is one clear line, and nothing keeps running", async () => {
  const other = createServer();
  await new Promise<void>((resolve, reject) => {
    other.once("error", reject);
    other.listen(8080, "127.0.0.1", resolve);
  });
  const demo = new Demo();
  expect(await demo.exited).toBe(1);
  running.delete(demo);
  const lines = demo.said.trim().split("\n");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/8080.*in use/);
  expect(await answers("http://localhost:8090/health")).toBe(false);
  await new Promise((resolve) => other.close(resolve));
});

test("an address that is not this machine's is refused with the ones that are", async () => {
  const demo = new Demo("--host", "198.51.100.1");
  expect(await demo.exited).toBe(1);
  running.delete(demo);
  expect(demo.said).toContain("127.0.0.1");
});

const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
const lacking = hasChromium ? (address === undefined ? "no interface but loopback" : "") : "no Chromium";

test.skipIf(lacking !== "")(
  `EPC-WS-02a WWSF-02a with --host the same over HTTPS and WSS, one file to trust, a call with both sides heard${lacking === "" ? "" : ` (skipped: ${lacking})`}`,
  async () => {
    const demo = new Demo("--host", address ?? "");
    const said = await demo.ready();
    const url = `https://${address}:8080`;
    expect(said).toContain(url);
    const ca = readFileSync(/file first: (\S+)/.exec(said)?.[1] ?? "");
    const status = await new Promise((resolve, reject) => {
      get(url, { ca }, (response) => resolve(response.statusCode)).on("error", reject);
    });
    expect(status).toBe(200);
    const socket = new WebSocket(`wss://${address}:8090/w2`, ["sip"], { ca, origin: url, maxVersion: "TLSv1.2" });
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    socket.terminate();
    // The client would speak TLS 1.1; it is the server that does not.
    const older = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    const old = connect({ host: address ?? "", port: 8090, ca, ...older });
    const refusal = await new Promise<Error | undefined>((resolve) => {
      old.once("error", resolve);
      old.once("secureConnect", () => resolve(undefined));
    });
    old.destroy();
    expect(String(refusal)).toMatch(/alert protocol version/i);
    const mary = await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: false, untrusted: true });
    try {
      await signIn(mary.page, url, "mary");
      await dial(mary.page, "+12025550110");
      await callPhase(mary.page, "active");
      await untilPattern(mary.page, 440);
      await mary.page.getByTestId("hang-up").click();
    } finally {
      await mary.close();
    }
  },
);
