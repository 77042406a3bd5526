import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const templates = join(import.meta.dirname, "core");

/** Fills in the `@NAMES@` of one template. @throws Error for a name without a value. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/@([A-Z]+)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for @${name}@ in a configuration of Kamailio`);
    return value;
  });
}

/** The CSCFs that a core has several of: address of each by its name. */
export interface Cscfs {
  readonly icscfs: Readonly<Record<string, string>>;
  readonly scscfs: Readonly<Record<string, string>>;
}

/** Writes the configurations of all CSCFs into a folder. */
export function renderCore(run: string, values: Readonly<Record<string, string>>, { icscfs, scscfs }: Cscfs): void {
  const render = (from: string, to: string, extra: Readonly<Record<string, string>> = {}): void => {
    writeFileSync(join(run, to), fill(readFileSync(join(templates, from), "utf8"), { ...values, ...extra }));
  };
  render("pcscf.cfg", "pcscf.cfg");
  for (const [name, address] of Object.entries(icscfs))
    render("icscf.cfg", `${name}.cfg`, { ICSCF: address, NAME: name });
  for (const [name, address] of Object.entries(scscfs))
    render("scscf.cfg", `${name}.cfg`, { SCSCF: address, NAME: name });
  for (const name of Object.keys({ ...icscfs, ...scscfs })) {
    render("cdp.xml", `${name}.xml`, { NAME: name });
    render("tls.cfg", `${name}.tls`, { NAME: name });
  }
  mkdirSync(join(run, "dbtext"), { recursive: true });
  for (const table of readdirSync(join(templates, "dbtext"))) render(`dbtext/${table}`, `dbtext/${table}`);
}
