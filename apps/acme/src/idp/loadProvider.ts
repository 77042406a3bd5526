import type Provider from "oidc-provider";

/**
 * Loads oidc-provider without its greeting: it takes a Node built without an LTS name, as those from npm are, for an
 * unsupported one, and says so on the console of every start.
 */
export async function loadProvider(): Promise<typeof Provider> {
  const { warn } = console;
  console.warn = (...words: unknown[]): void => {
    if (!String(words[0]).includes("Unsupported runtime")) warn(...words);
  };
  try {
    return (await import("oidc-provider")).default;
  } finally {
    console.warn = warn;
  }
}
