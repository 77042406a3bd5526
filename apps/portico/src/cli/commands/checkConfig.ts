import { readConfig } from "../../config/config.ts";
import type { Output } from "../output.ts";

/** `portico check-config`. @throws ConfigError with every mistake. */
export function checkConfig(file: string, { json, print, style }: Output): void {
  const { publicUrl, listen, admin, metrics, home, tenants, database, sharedState } = readConfig(file);
  if (json) return print(JSON.stringify({ file, complaints: [] }, null, 2));
  const facts = {
    "Public URL": `${publicUrl}, on ${at(listen)}`,
    "Admin API": admin === undefined ? "none" : at(admin),
    Metrics: metrics === undefined ? "none" : `http://${at(metrics)}/metrics`,
    "IMS core": `${home.domain}, entered at ${[home.entryPoint].flat().join(", ")}`,
    // The URL of a database holds a password.
    Database: database?.postgres === undefined ? `SQLite, ${database?.sqlite}` : "PostgreSQL",
    "Shared state": sharedState === undefined ? "in this process: one node" : "Valkey",
    Tenants: tenants.length === 0 ? "none in the file" : tenants.map(({ id }) => id).join(", "),
  };
  print(`${style("green", "ok")} ${file}`);
  for (const [name, fact] of Object.entries(facts)) print(`   ${name.padEnd(13)} ${fact}`);
}

const at = ({ address, port }: { address: string; port: number }): string => `${address}:${port}`;
