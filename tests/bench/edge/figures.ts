import { setTimeout as pause } from "node:timers/promises";
import type { Contender, Figure } from "../figure.ts";
import type { Edge, Protocol } from "./edge.ts";
import { OctetRegistrar } from "./load/registrar.ts";
import { Terminal } from "./load/terminal.ts";
import { inTurns, openScene } from "./scene.ts";

/** An edge lets a flow send 60 messages at once and 20 a second: as many flows as the rounds need. */
const users = 1000;
/** V8 still compiles after half of them, with a tenth of the CPU. */
const warmUpCount = 30_000;
const roundCount = 2000;

/** CPU of a refreshed registration: a flow that lives, a token verified before. */
export function registerFigure(protocol: Protocol, peers: readonly Protocol[]): Figure {
  return {
    unit: "us",
    // Short ones: the machine changes its speed within seconds, for whoever runs.
    rounds: 31,
    open: () =>
      registering(protocol, peers, false, (edge, join, terminals) => {
        let turn = 0;
        const refresh = (count: number): Promise<void> =>
          inTurns(count, async () => terminals[turn++ % users]?.register());
        return {
          warmUp: async () => {
            await join(users);
            await refresh(warmUpCount);
          },
          round: async () => (await edge.cpuDuring(() => refresh(roundCount))) / roundCount,
        };
      }),
  };
}

/** Sockets whose memory is counted, after as many that filled the pools of what serves them. */
const batch = 2000;
/** What follows a registration is over by then: Timer K of its transactions is 5 s. */
const restMs = 6000;

/** Memory of a registered connection that does nothing. The kernel's share is not in it. */
export function memoryFigure(secure: boolean): Figure {
  return {
    unit: "bytes",
    // V8 and glibc take memory in steps of megabytes, which the median has least of.
    rounds: 3,
    open: () =>
      registering("UDP", ["UDP"], secure, (edge, join, terminals) => {
        const more = async (): Promise<void> => {
          await join(batch);
          await pause(restMs);
          const closed = terminals.filter(({ open }) => !open).length;
          if (closed > 0) throw new Error(`${edge.name} closed ${closed} of ${terminals.length} idle sockets`);
        };
        return {
          warmUp: more,
          round: async () => {
            const before = await edge.memory();
            await more();
            return ((await edge.memory()) - before) / batch;
          },
        };
      }),
  };
}

/** A busy machine takes long for a handshake, whoever is measured; registrations of that many are no storm yet. */
const joiningAtOnce = 32;

type Join = (count: number) => Promise<void>;

/** Contenders that have a home network of octets behind them and terminals before them. */
async function registering(
  protocol: Protocol,
  peers: readonly Protocol[],
  secure: boolean,
  contend: (edge: Edge, join: Join, terminals: readonly Terminal[]) => Pick<Contender, "warmUp" | "round">,
): Promise<[Contender, ...Contender[]]> {
  const core = await OctetRegistrar.open();
  const { edges, token } = await openScene(core.port, protocol, peers);
  const [ours, ...others] = edges;
  const contender = (edge: Edge): Contender => {
    const terminals: Terminal[] = [];
    const join: Join = async (count) => {
      const from = terminals.length;
      const one = async (turn: number): Promise<void> => {
        const terminal = await Terminal.open(edge.w2(secure), from + turn, await token(from + turn));
        terminals[from + turn] = terminal;
        await terminal.register();
      };
      await inTurns(count, one, joiningAtOnce);
    };
    return {
      name: edge.name,
      ...contend(edge, join, terminals),
      close: async () => {
        for (const terminal of terminals) terminal.close();
        await edge.close();
        if (edge === ours) core.close();
      },
    };
  };
  return [contender(ours), ...others.map(contender)];
}
