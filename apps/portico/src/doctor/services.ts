import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { examinePostgres, openSharedState, type PostgresFacts } from "@portico/store";
import { blockEntries } from "@portico/waf";
import type { CoreAnswer } from "../core/probe.ts";
import { type Check, fail, type Finding, ok, skipped, warn } from "./check.ts";

const answered = ({ status }: CoreAnswer): boolean => status !== 408 && status !== 503;
const ms = (seconds: number): string => `${Math.round(seconds * 1000)} ms`;

const core: Check = {
  name: "core",
  async run({ probe, config: { home } }) {
    if (probe === undefined) return [skipped("mw.address is not this machine's")];
    const answers = await probe.options();
    if (answers.length === 0) {
      return [
        fail(`${[home.entryPoint].flat().join(", ")} leads nowhere`, "correct home.entryPoint, or its DNS records"),
      ];
    }
    return answers.map((answer) =>
      answered(answer)
        ? ok(`${answer.at} answers OPTIONS with ${answer.status} in ${ms(answer.seconds)}`)
        : fail(
            `${answer.at} does not answer OPTIONS${answer.reason === undefined ? "" : `: ${answer.reason}`}`,
            `check that the I-CSCF runs there, that a firewall lets SIP through both ways, ${
              answer.at.startsWith("TLS")
                ? "that mw.tls.ca has the authority of its certificate, and that it believes that of mw.tls.cert"
                : "and that it knows this address"
            }`,
          ),
    );
  },
};

const trustedNode: Check = {
  name: "trusted node",
  async run({ probe, config: { tenants, home } }) {
    const block = tenants.flatMap(({ id, blocks }) => blocks.map((of) => ({ id, of })))[0];
    if (probe === undefined) return [skipped("mw.address is not this machine's")];
    if (block === undefined) return [skipped("no block in the file whose identity could be asked for")];
    const [entry] = blockEntries(block.id, block.of, home.domain);
    if (entry === undefined) return [skipped("the first block of the file has no identity of its own")];
    const answer = (await probe.register(entry)).at(-1);
    if (answer === undefined || !answered(answer))
      return [fail("no answer to a REGISTER", "see the check of the core")];
    const { status } = answer;
    const seen = `the core answers a REGISTER for ${entry.impu} with ${status}`;
    if (status < 300) return [ok(`${seen}: it trusts this node`)];
    if (status === 401 || status === 407) {
      return [
        fail(`${seen}: it challenges`, "make this node's address a trusted node at the S-CSCF (TS 33.203 Annex U)"),
      ];
    }
    if (status === 403 || status === 404) {
      return [
        warn(seen, "provision the blocks at the HSS (portico block export), or let the core take this node's word"),
      ];
    }
    return [warn(seen, "ask who runs the core what this means there")];
  },
};

const clock: Check = {
  name: "clock",
  async run({ probe, now }) {
    const dates = (await probe?.options())?.flatMap(({ date }) => date ?? []) ?? [];
    const [date] = dates;
    if (date === undefined) return [skipped("the core tells no date to compare with")];
    const apart = Math.round((now - date) / 1000);
    if (Math.abs(apart) <= 5) return [ok("the clock is that of the core, within 5 s")];
    const seen = `the clock is ${Math.abs(apart)} s ${apart > 0 ? "ahead of" : "behind"} the core's`;
    return [Math.abs(apart) > 60 ? fail(seen, "set it by NTP: tokens expire by it") : warn(seen, "set it by NTP")];
  },
};

const database: Check = {
  name: "database",
  async run({ config: { database: where, data } }) {
    if (where?.postgres !== undefined) return await postgres(where.postgres);
    const file = where?.sqlite ?? `${data}/portal.sqlite`;
    if (!existsSync(file)) return [warn(`${file} does not exist yet`, "portico serve makes it at its first start")];
    try {
      const opened = new DatabaseSync(file, { readOnly: true });
      try {
        const { quick_check: said } = opened.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
        return [
          said === "ok" ? ok(`${file} is whole`) : fail(`${file} is damaged: ${said}`, "restore it from a backup"),
        ];
      } finally {
        opened.close();
      }
    } catch (error) {
      return [fail(`${file}: ${(error as Error).message}`, "restore it from a backup, or correct database.sqlite")];
    }
  },
};

/** The oldest release that the portal is written for. */
const oldestPostgres = 13;

async function postgres(url: string): Promise<Finding[]> {
  let facts: PostgresFacts;
  try {
    facts = await examinePostgres({ postgres: url });
  } catch (error) {
    return [fail(`PostgreSQL does not answer: ${(error as Error).message}`, "start it, or correct database.postgres")];
  }
  const { version, ahead, roundTrip, pending, empty } = facts;
  const old = Number.parseInt(version, 10) < oldestPostgres;
  const seen = `PostgreSQL ${version} answers in ${roundTrip.toFixed(1)} ms`;
  const apart = ahead / 1000;
  const clocks = `the clock is ${Math.abs(apart).toFixed(1)} s ${apart > 0 ? "ahead of" : "behind"} the database's`;
  return [
    old
      ? fail(seen, `take PostgreSQL ${oldestPostgres} or newer`)
      : roundTrip > 20
        ? warn(seen, "put it nearer: every sign-in waits for some answers")
        : ok(seen),
    empty
      ? warn("it has no tables yet", "portico serve makes them at its first start")
      : pending > 0
        ? warn(
            `its tables lack ${pending} migrations`,
            "the next start of portico serve makes them; take a backup before",
          )
        : ok("its tables are up to date"),
    Math.abs(apart) > 2 ? warn(clocks, "set both by NTP: all nodes must agree on the time") : ok("the clocks agree"),
  ];
}

const sharedState: Check = {
  name: "shared state",
  async run({ config: { sharedState: target, database: where } }) {
    if (target === undefined) {
      return where?.postgres === undefined
        ? [skipped("this node is alone")]
        : [
            warn(
              "several nodes may share the database, but no sharedState",
              "set sharedState: without it rates and limits hold for each node by itself, and each tells its own events alone",
            ),
          ];
    }
    try {
      const state = await openSharedState(target);
      try {
        const asked = performance.now();
        await state.isMarked("doctor");
        return [ok(`Valkey answers in ${(performance.now() - asked).toFixed(1)} ms`)];
      } finally {
        await state.close();
      }
    } catch (error) {
      return [fail(`Valkey does not answer: ${(error as Error).message}`, "start it, or correct sharedState.valkey")];
    }
  },
};

const portal: Check = {
  name: "portal",
  async run({ config: { listen, tls }, running }) {
    if (!running) return [skipped("it does not run")];
    if (tls !== undefined || listen.proxyProtocol === true) return [ok("it listens")];
    const host = listen.address.includes(":") ? `[${listen.address}]` : listen.address;
    const answer = await fetch(`http://${host}:${listen.port}/ready`).catch(() => undefined);
    if (answer?.ok === true) return [ok("it is ready")];
    const parts = ((await answer?.json().catch(() => ({}))) as { parts?: Record<string, boolean> } | undefined)?.parts;
    const lacking = Object.entries(parts ?? {}).filter(([, up]) => !up);
    return [fail(`it is not ready: ${lacking.map(([part]) => part).join(", ")}`, "the log says more")];
  },
};

export const serviceChecks: readonly Check[] = [database, sharedState, core, trustedNode, clock, portal];
