import { memoryOf } from "./memory.ts";

/** What a process under test can be told to do. Arguments and results travel as JSON. */
export type Commands = Record<string, (argument: never) => unknown>;

/** What every one of them understands. */
const common = {
  /** CPU time of the whole process so far, user and system, in µs: garbage collection and compilation are in it. */
  cpu: (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Octets of memory held, once V8 has given back all that it has free; resident ones where the system does not tell those of its own. */
  memory: (): number => {
    globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
    return memoryOf("self") ?? process.memoryUsage.rss();
  },
} satisfies Commands;

export type CommonCommands = typeof common;

export interface Order {
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

export type Report = { readonly id: number } & ({ readonly result: unknown } | { readonly failure: string });

/** Carries out the orders of the parent process until it goes. */
export function serve(commands: Commands): void {
  const all: Record<string, (argument: never) => unknown> = { ...common, ...commands };
  process.on("message", ({ id, command, argument }: Order) => {
    const run = async (): Promise<unknown> => all[command]?.(argument as never);
    run().then(
      (result) => answer({ id, result: result ?? null }),
      (error: unknown) => answer({ id, failure: error instanceof Error ? (error.stack ?? error.message) : "unknown" }),
    );
  });
  process.on("disconnect", () => process.exit());
  answer({ id: 0, result: "ready" });
}

const answer = (report: Report): void => void process.send?.(report);
