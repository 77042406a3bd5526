import { setTimeout as pause } from "node:timers/promises";
import type { Figure } from "../figure.ts";
import { EdgeScene, inTurns } from "./scene.ts";

/** An edge lets a flow send 60 messages at once and 20 a second: as many flows as the rounds below need. */
const users = 400;

/** CPU of a refreshed registration: a flow that lives, a token verified before, no SUBSCRIBE. */
export function registerFigure(protocol: "TCP" | "UDP"): Figure {
  return operationFigure(protocol, { warmUp: 3000, round: 1500 }, (scene, turn) => scene.browser(turn).register());
}

/** CPU of a whole call that crosses the edge twice: twelve messages relayed (INVITE, 180, 200, ACK, BYE, 200). */
export function callFigure(): Figure {
  return operationFigure("TCP", { warmUp: 800, round: 400 }, (scene, turn) =>
    scene.browser(turn).call(scene.browser(turn + users / 2).impu),
  );
}

function operationFigure(
  protocol: "TCP" | "UDP",
  counts: { warmUp: number; round: number },
  operation: (scene: EdgeScene, turn: number) => Promise<void>,
): Figure {
  return {
    unit: "us",
    rounds: 5,
    open: async () => {
      const scene = await EdgeScene.open(protocol);
      await scene.join(users);
      let turn = 0;
      const work = (count: number): Promise<void> => inTurns(count, () => operation(scene, turn++));
      return [
        {
          name: "Portico",
          warmUp: () => work(counts.warmUp),
          round: async () => (await scene.subject.cpuDuring(() => work(counts.round))) / counts.round,
          close: () => scene.close(),
        },
      ];
    },
  };
}

const warmUpSockets = 400;
/** An edge takes 2000 sockets of one address. */
const socketsPerRound = 500;
/** What follows a registration (SUBSCRIBE, its answer) is over by then. */
const restMs = 1000;

/** Memory a registered connection holds that does nothing. The kernel's share is not in it. */
export const memoryFigure: Figure = {
  unit: "bytes",
  rounds: 3,
  open: async () => {
    const scene = await EdgeScene.open("TCP");
    return [
      {
        name: "Portico",
        warmUp: async () => {
          await scene.join(warmUpSockets);
          await pause(restMs);
        },
        round: async () => {
          const before = await scene.subject.memory();
          await scene.join(socketsPerRound);
          await pause(restMs);
          return ((await scene.subject.memory()) - before) / socketsPerRound;
        },
        close: () => scene.close(),
      },
    ];
  },
};
