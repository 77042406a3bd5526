import type { Figure } from "../figure.ts";
import { Subject } from "../subject.ts";
import { openIssuer } from "./access.ts";
import { registerOf } from "./load/terminal.ts";
import type { TokenCommands } from "./tokenProcess.ts";

const users = 1000;
const count = 20_000;

/** CPU that the check of a cached token adds to a REGISTER: what reading it costs with the check, less what it costs without. */
export const tokenFigure: Figure = {
  unit: "us",
  rounds: 15,
  open: async () => {
    const { jwk, token } = await openIssuer();
    const subject = await Subject.start<TokenCommands>(new URL("tokenProcess.ts", import.meta.url));
    const messages: string[] = [];
    for (let user = 0; user < users; user += 1) messages.push(registerOf(user, await token(user))(1));
    await subject.ask("open", { jwk, messages });
    const cost = async (withTokens: boolean): Promise<number> =>
      (await subject.cpuDuring(() => subject.ask("read", { count, withTokens }))) / count;
    return [
      {
        name: "Portico",
        warmUp: async () => {
          for (let turn = 0; turn < 3; turn += 1) await Promise.all([cost(true), cost(false)]);
        },
        round: async () => (await cost(true)) - (await cost(false)),
        close: () => subject.close(),
      },
    ];
  },
};
