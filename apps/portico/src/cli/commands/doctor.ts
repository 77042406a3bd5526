import { connect } from "node:net";
import { readConfig } from "../../config/config.ts";
import { CoreProbe } from "../../core/probe.ts";
import type { Check, Finding, Patient } from "../../doctor/check.ts";
import { machineChecks } from "../../doctor/machine.ts";
import { serviceChecks } from "../../doctor/services.ts";
import { exitCodes } from "../cliError.ts";
import type { Output } from "../output.ts";

const marks = { ok: "green", warn: "yellow", fail: "red", skipped: "dim" } as const;

/** `portico doctor`. @returns the exit code: 1 when something fails. @throws ConfigError */
export async function doctor(file: string, output: Output): Promise<number> {
  const config = readConfig(file);
  const probe = await CoreProbe.open(config).catch(() => undefined);
  try {
    const running = await listens(config.listen);
    const patient: Patient = { file, config, probe, running, now: Date.now() };
    const results: { check: string; findings: readonly Finding[] }[] = [];
    const spinner = output.interactive ? (await import("@clack/prompts")).spinner() : undefined;
    // All at once, since most of a check is waiting for what does not answer; told in their order.
    const checks = [...machineChecks, ...serviceChecks].map((check) => ({
      name: check.name,
      findings: examined(check, patient),
    }));
    for (const { name, findings: pending } of checks) {
      spinner?.start(name);
      const findings = await pending;
      spinner?.clear();
      results.push({ check: name, findings });
      if (!output.json) show(name, findings, output);
    }
    const count = (state: Finding["state"]): number =>
      results.flatMap(({ findings }) => findings).filter((finding) => finding.state === state).length;
    if (output.json) output.print(JSON.stringify({ file, checks: results }, null, 2));
    else
      output.print(
        `\n${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} wrong, ${count("skipped")} skipped`,
      );
    return count("fail") > 0 ? exitCodes.failed : exitCodes.ok;
  } finally {
    await probe?.close();
  }
}

/** A check that itself fails is told as one. */
async function examined(check: Check, patient: Patient): Promise<readonly Finding[]> {
  try {
    return await check.run(patient);
  } catch (error) {
    return [{ state: "fail", detail: `could not be checked: ${(error as Error).message}`, remedy: "" }];
  }
}

function show(name: string, findings: readonly Finding[], { print, style }: Output): void {
  for (const [n, { state, detail, remedy }] of findings.entries()) {
    print(`${style(marks[state], state.padEnd(7))} ${(n === 0 ? name : "").padEnd(13)} ${detail}`);
    if (remedy !== "") print(`${" ".repeat(22)}${style("dim", `-> ${remedy}`)}`);
  }
}

async function listens({ address, port }: { address: string; port: number }): Promise<boolean> {
  if (port === 0) return false;
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  const socket = connect(port, host);
  const open = await new Promise<boolean>((resolve) => {
    socket.setTimeout(2000, () => resolve(false));
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  });
  socket.destroy();
  return open;
}
