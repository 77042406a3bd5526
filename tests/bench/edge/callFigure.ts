import type { Contender, Figure } from "../figure.ts";
import { BenchBrowser } from "./browser.ts";
import { CoreStandIn } from "./core.ts";
import type { Edge } from "./edge.ts";
import { inTurns, openScene } from "./scene.ts";

/** As many flows as the rounds below need under the rate limit of each. */
const users = 400;
const warmUpCount = 800;
const roundCount = 400;

/** CPU of a whole call that crosses the edge twice: twelve messages relayed (INVITE, 180, 200, ACK, BYE, 200). */
export const callFigure: Figure = {
  unit: "us",
  rounds: 5,
  open: async () => {
    const core = await CoreStandIn.open("TCP");
    const { edges, token } = await openScene(core.port, "TCP", []);
    const contender = (edge: Edge): Contender => {
      const browsers: BenchBrowser[] = [];
      let turn = 0;
      const work = (count: number): Promise<void> =>
        inTurns(count, async () => {
          turn += 1;
          await browsers[turn % users]?.call(browsers[(turn + users / 2) % users]?.impu ?? "");
        });
      return {
        name: edge.name,
        warmUp: async () => {
          core.edgePort = edge.mw;
          await inTurns(users, async (user) => {
            const browser = await BenchBrowser.open(edge.w2(false).port, user, await token(user));
            browsers[user] = browser;
            await browser.register();
          });
          await work(warmUpCount);
        },
        round: async () => (await edge.cpuDuring(() => work(roundCount))) / roundCount,
        close: async () => {
          for (const browser of browsers) browser.close();
          await edge.close();
          await core.close();
        },
      };
    };
    const [ours] = edges;
    return [contender(ours)];
  },
};
