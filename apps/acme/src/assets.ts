import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { submitScript } from "./pages.ts";

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly body: string;
  /** True when its address changes with its content. */
  readonly immutable: boolean;
}

const web = new URL("../web/", import.meta.url);

/** Bundles the page from source, in memory; under a second. Keys are paths from the root of the site. */
export async function openAssets(): Promise<Map<string, Asset>> {
  const [script, css, icon, index] = await Promise.all([
    bundle(),
    ...["page.css", "icon.svg", "index.html"].map((name) => readFile(new URL(name, web), "utf8")),
  ]);
  if (css === undefined || icon === undefined || index === undefined) throw new Error("a file of the page is missing");
  const scriptPath = `/assets/app-${digest("sha256", script).replaceAll(/\W/g, "").slice(0, 12)}.js`;
  const page = index.replace("%SCRIPT%", scriptPath).replace("%INTEGRITY%", `sha384-${digest("sha384", script)}`);
  return new Map([
    ["/", { type: "text/html; charset=utf-8", body: page, immutable: false }],
    [scriptPath, { type: "text/javascript; charset=utf-8", body: script, immutable: true }],
    ["/assets/page.css", { type: "text/css; charset=utf-8", body: css, immutable: false }],
    ["/assets/submit.js", { type: "text/javascript; charset=utf-8", body: submitScript, immutable: false }],
    ["/assets/icon.svg", { type: "image/svg+xml", body: icon, immutable: false }],
  ]);
}

async function bundle(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    root: fileURLToPath(web),
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    build: {
      write: false,
      target: "es2024",
      modulePreload: false,
      rolldownOptions: {
        input: fileURLToPath(new URL("main.ts", web)),
        output: { codeSplitting: false, entryFileNames: "app.js" },
      },
    },
  });
  const [first] = Array.isArray(result) ? result : [result];
  if (first === undefined || !("output" in first)) throw new Error("the bundler gave no output");
  return first.output[0].code;
}

const digest = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest("base64");
