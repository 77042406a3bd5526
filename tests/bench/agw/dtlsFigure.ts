import type { Contender, Figure } from "../figure.ts";
import { Subject } from "../subject.ts";
import { BrowserEnd } from "./browserEnd.ts";
import { createIdentity } from "./identity.ts";
import type { PlaneCommands } from "./process.ts";
import type { WeriftCommands } from "./weriftProcess.ts";

const handshakes = 20;

/** CPU of one DTLS handshake as the server, both sides with a P-256 certificate; ICE is done before. */
export const dtlsFigure: Figure = {
  unit: "us",
  rounds: 7,
  open: async () => [await openPlane(), await openWerift()],
};

async function openPlane(): Promise<Contender> {
  const subject = await Subject.start<PlaneCommands>(new URL("process.ts", import.meta.url), ["cm"]);
  const identity = await createIdentity();
  const round = async (): Promise<number> => {
    const browsers = await openBrowsers(identity);
    const calls = browsers.map(({ ufrag }) => ({
      remote: {
        ufrag,
        pwd: "browserpasswordof24chars",
        fingerprints: [identity.fingerprint],
        setup: "active" as const,
      },
      corePort: 9,
    }));
    const opened = await subject.ask("open", calls);
    for (const [index, { access }] of opened.entries()) await browsers[index]?.check(access);
    const cpu = await subject.cpuDuring(() => shakeHands(browsers, (index) => opened[index]?.access.port ?? 0));
    const connected = await subject.ask("connected");
    if (connected < handshakes) throw new Error(`${connected} of ${handshakes} handshakes came to media`);
    await subject.ask("close");
    return cpu / handshakes;
  };
  return { name: "Portico", warmUp: async () => void (await round()), round, close: () => subject.close() };
}

async function openWerift(): Promise<Contender> {
  const subject = await Subject.start<WeriftCommands>(new URL("weriftProcess.ts", import.meta.url), ["cm"]);
  const identity = await createIdentity();
  const round = async (): Promise<number> => {
    const browsers = await openBrowsers(identity);
    const ports = await subject.ask("listen", handshakes);
    const cpu = await subject.cpuDuring(() => shakeHands(browsers, (index) => ports[index] ?? 0));
    await subject.ask("close");
    return cpu / handshakes;
  };
  return {
    name: "werift 0.25.2 (no check of the fingerprint)",
    warmUp: async () => void (await round()),
    round,
    close: () => subject.close(),
  };
}

async function openBrowsers(identity: Awaited<ReturnType<typeof createIdentity>>): Promise<BrowserEnd[]> {
  return await Promise.all(
    Array.from({ length: handshakes }, (_, index) => BrowserEnd.open("cm", identity, `browser${index}`)),
  );
}

/** One after the other: the clients' cryptography is in this process, and slow. */
async function shakeHands(browsers: readonly BrowserEnd[], port: (index: number) => number): Promise<void> {
  for (const [index, browser] of browsers.entries()) await browser.handshake(port(index));
  for (const browser of browsers) browser.close();
}
