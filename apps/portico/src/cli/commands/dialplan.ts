import { destinationClass, dial, EpcscfError, type DialForm, type DialPlan } from "@portico/epcscf";
import { readConfig } from "../../config/config.ts";
import type { PortalConfig } from "../../config/schema.ts";
import type { TenantDocument } from "@portico/waf";
import { AdminClient, type Connection } from "../adminClient.ts";
import { CliError } from "../cliError.ts";
import type { Output } from "../output.ts";

const forms: Readonly<Record<DialForm, string>> = {
  address: "SIP address of an own domain",
  shortCode: "short code",
  e164: "E.164 number",
  extension: "extension",
  international: "number after the international prefix",
  national: "national number",
};

/**
 * `portico dialplan test`: what becomes of a dialled number. A tenant that the file does not have is asked of the portal that runs.
 * @throws ConfigError, CliError
 */
export async function dialplanTest(
  number: string,
  { file, tenant: id, ...connection }: Connection & { file: string; tenant?: string | undefined },
  { json, print, style }: Output,
): Promise<void> {
  const config = readConfig(file);
  const named = config.tenants.find((one) => one.id === id);
  const tenant = id === undefined ? undefined : (named ?? (await ofPortal(id, config, connection)));
  const blocks = [...config.tenants, ...(tenant === undefined ? [] : [tenant])].flatMap((one) => one.blocks);
  const plan = {
    ...(tenant?.dialPlan ?? config.dialPlan),
    domains: [config.home.domain, ...blocks.flatMap(({ domain }) => domain ?? [])],
  } as DialPlan;
  const emergency = [...config.emergencyNumbers, ...(tenant?.emergencyNumbers ?? [])];
  const result = judged(number, plan, emergency);
  if (json)
    return print(JSON.stringify({ dialled: number, plan: tenant?.dialPlan ? id : "portal", ...result }, null, 2));
  const steps = {
    dialled: number,
    "dial plan": tenant?.dialPlan === undefined ? "the portal's" : `of tenant ${id}`,
    "read as": result.form === undefined ? style("red", "no form of the plan") : result.form,
    "sent as": result.target ?? "-",
    policy: result.allowed ? style("green", `allowed: ${result.policy}`) : style("red", `refused: ${result.policy}`),
  };
  for (const [step, text] of Object.entries(steps)) print(`${step.padEnd(10)} ${text}`);
}

async function ofPortal(id: string, { tenants }: PortalConfig, connection: Connection): Promise<TenantDocument> {
  try {
    const { body } = await (
      await AdminClient.of(connection)
    ).ask<{ document: TenantDocument }>("GET", `/tenants/${encodeURIComponent(id)}`);
    return body.document;
  } catch (error) {
    const { message } = error as Error;
    const known = tenants.map((one) => one.id).join(", ");
    throw new CliError(
      "failed",
      `the file has no tenant ${id}, and the portal tells of none: ${message}`,
      `${known === "" ? "" : `The file has ${known}. `}With the portal running, portico tenant list shows all.`,
    );
  }
}

interface Judged {
  readonly form?: string;
  readonly target?: string;
  readonly allowed: boolean;
  readonly policy: string;
}

function judged(number: string, plan: DialPlan, emergency: readonly string[]): Judged {
  if (emergency.includes(number.replaceAll(/[-. ()]/g, ""))) {
    return { form: "emergency number", allowed: false, policy: "the portal carries no emergency calls" };
  }
  // The browser sends what is typed as a telephone number unless it is an address.
  const uri = /^(sips?|tel):/i.test(number)
    ? number
    : number.includes("@")
      ? `sip:${number}`
      : `tel:${number.replaceAll(" ", "")}`;
  try {
    const { form, target } = dial(uri, plan);
    return { form: forms[form], target, allowed: true, policy: `${destinationClass(target, plan)} call` };
  } catch (error) {
    if (!(error instanceof EpcscfError)) throw error;
    return { allowed: false, policy: error.remedy };
  }
}
