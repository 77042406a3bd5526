import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { cancel, group, intro, outro, select, text } from "@clack/prompts";
import { CliError } from "../cliError.ts";
import { type Answers, hostAndPort } from "./initText.ts";

/** Asks on the terminal; what was given already is the answer that Enter takes. @throws CliError when it is called off */
export async function ask(given: Answers): Promise<Answers> {
  intro("A new portal");
  const addresses = ownAddresses();
  const address = (message: string, byDefault: string) => () =>
    select({
      message,
      initialValue: addresses.includes(byDefault) ? byDefault : addresses[0],
      options: addresses.map((value) => ({ value })),
    });
  const answers = await group(
    {
      publicUrl: line("Where do browsers reach the portal?", given.publicUrl, isUrl),
      listen: line("On which address and port does it listen?", given.listen, (value) =>
        hostAndPort(value) === undefined ? "Write address:port, for example 0.0.0.0:443" : undefined,
      ),
      cert: ({ results }) =>
        String(results.publicUrl).startsWith("https:")
          ? line("File of the certificate (empty: a proxy ends TLS)", given.tls?.cert ?? "", () => undefined)()
          : Promise.resolve(""),
      key: ({ results }) =>
        results.cert ? line("File of its private key", given.tls?.key ?? "", some)() : Promise.resolve(""),
      homeDomain: line("Home domain of the IMS", given.homeDomain, some),
      entryPoint: ({ results }) =>
        line("SIP URI of the I-CSCF", `sip:icscf.${results.homeDomain};transport=tcp`, (value) =>
          /^sips?:/.test(value) ? undefined : "Write a SIP URI, for example sip:icscf.ims.example;transport=tcp",
        )(),
      mwAddress: address("Which address of this machine does the core reach?", given.mwAddress),
      corePeers: line("Which addresses does the core send from? (with commas)", given.corePeers.join(","), (value) =>
        value.split(",").every((one) => isIP(one.trim()) !== 0) ? undefined : "Write IP addresses, with commas",
      ),
      mediaAddress: address("Which address of this machine do browsers reach for media?", given.mediaAddress),
      internationalPrefix: line("What do users dial before a foreign number?", given.internationalPrefix, digits),
      emergency: line("Emergency numbers (with commas)", given.emergency.join(","), some),
    },
    {
      onCancel: () => {
        cancel("Nothing was written.");
        throw new CliError("failed", "called off", "Nothing was written.");
      },
    },
  );
  outro("Thank you.");
  const { cert, key } = answers as { cert: string; key: string };
  return {
    publicUrl: answers.publicUrl,
    listen: answers.listen,
    tls: cert === "" ? undefined : { cert, key },
    homeDomain: answers.homeDomain,
    entryPoint: String(answers.entryPoint),
    corePeers: list(answers.corePeers),
    mwAddress: answers.mwAddress ?? given.mwAddress,
    mediaAddress: answers.mediaAddress ?? given.mediaAddress,
    internationalPrefix: answers.internationalPrefix,
    emergency: list(answers.emergency),
  };
}

const some = (value: string): string | undefined => (value.trim() === "" ? "An answer is needed" : undefined);
const digits = (value: string): string | undefined =>
  /^\d{1,4}$/.test(value) ? undefined : "Write digits, for example 00";
const isUrl = (value: string): string | undefined =>
  URL.canParse(value) ? undefined : "Write a URL, for example https://portal.example";

/** IPv4 addresses of this machine, the loopback last. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => isIP(address) === 4)
    .toSorted((a, b) => Number(a.internal) - Number(b.internal))
    .map(({ address }) => address);
}

const line = (message: string, byDefault: string, check: (value: string) => string | undefined) => () =>
  text({ message, initialValue: byDefault, validate: (value) => check(value ?? "") });
const list = (value: string): string[] => value.split(/[\s,]+/).filter((word) => word !== "");
