import { PostgresServer } from "../../../packages/store/test/postgresServer.ts";
import type { Contender, Figure } from "../figure.ts";
import { Subject } from "../subject.ts";
import type { LeaseCommands } from "./process.ts";

/** Leases in a round. */
const leases = 400;

/**
 * Wall time that 99 of 100 leases stay below: what an exchange does once the user's token is verified. First free
 * identity, assignment, lease, tokens, audit, and on disk; one after the other. Half of the block is held meanwhile.
 */
export function leaseFigure(database: "sqlite" | "postgres", size: number): Figure {
  return { unit: "ms", rounds: 5, open: async () => [await openLeases(database, size)] };
}

async function openLeases(database: "sqlite" | "postgres", size: number): Promise<Contender> {
  const server = database === "postgres" ? await PostgresServer.start() : undefined;
  const subject = await Subject.start<LeaseCommands>(
    new URL("process.ts", import.meta.url),
    server ? [server.url] : [],
  );
  await subject.ask("prepare", size);
  return {
    name: "Portico",
    warmUp: async () => void (await subject.ask("run", leases)),
    round: async () => (await subject.ask("run", leases))[Math.ceil(leases * 0.99) - 1] ?? Number.NaN,
    close: async () => {
      await subject.close();
      await server?.stop();
    },
  };
}
