import { dirname } from "node:path";
import { build } from "vite";

/** A script for a page, with all it imports. @param input path of its first file. */
export async function bundle(input: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    root: dirname(input),
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    build: {
      write: false,
      target: "es2024",
      modulePreload: false,
      minify: false,
      rolldownOptions: {
        input,
        output: { codeSplitting: false, entryFileNames: "page.js" },
      },
    },
  });
  const [first] = Array.isArray(result) ? result : [result];
  if (first === undefined || !("output" in first)) throw new Error("the bundler gave no output");
  return first.output[0].code;
}
