import { Subject } from "../subject.ts";
import { openIssuer } from "./access.ts";
import { BenchBrowser } from "./browser.ts";
import { CoreStandIn } from "./core.ts";
import type { EdgeCommands } from "./process.ts";

/** An edge in a process of its own, between browsers and a core in this one. */
export class EdgeScene {
  readonly subject: Subject<EdgeCommands>;
  readonly browsers: BenchBrowser[] = [];
  readonly #core: CoreStandIn;
  readonly #w2: number;
  readonly #token: (user: number) => Promise<string>;

  private constructor(
    subject: Subject<EdgeCommands>,
    core: CoreStandIn,
    w2: number,
    token: (user: number) => Promise<string>,
  ) {
    this.subject = subject;
    this.#core = core;
    this.#w2 = w2;
    this.#token = token;
  }

  static async open(protocol: "TCP" | "UDP"): Promise<EdgeScene> {
    const core = await CoreStandIn.open(protocol);
    const { jwk, token } = await openIssuer();
    const subject = await Subject.start<EdgeCommands>(new URL("process.ts", import.meta.url));
    const { w2, mw } = await subject.ask("open", { entryPoint: core.uri, protocol, jwk });
    core.edgePort = mw;
    return new EdgeScene(subject, core, w2, token);
  }

  /** Connects and registers this many more users. */
  async join(count: number): Promise<void> {
    const from = this.browsers.length;
    await inTurns(count, async (turn) => {
      const user = from + turn;
      const browser = await BenchBrowser.open(this.#w2, user, await this.#token(user));
      this.browsers[user] = browser;
      await browser.register();
    });
  }

  browser(turn: number): BenchBrowser {
    const browser = this.browsers[turn % this.browsers.length];
    if (browser === undefined) throw new Error("nobody has joined");
    return browser;
  }

  async close(): Promise<void> {
    for (const browser of this.browsers) browser.close();
    await this.subject.close();
    await this.#core.close();
  }
}

/** Operations under way at any time. */
const window = 8;

/** Does `count` operations, a few at a time (a closed loop). */
export async function inTurns(count: number, operation: (turn: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await operation(next++);
  };
  await Promise.all(Array.from({ length: window }, worker));
}
