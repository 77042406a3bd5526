import { startLab, type Lab } from "@portico/lab";
import { parseMessage } from "@portico/sip";
import { differences, self, subscriptionOf, usersInOrder, type TestCore } from "./testCore.ts";

/** The lab as a core under test. @param max longest registration granted, seconds. */
export async function startLabCore(max: number = differences.grantedOf600.lab): Promise<TestCore> {
  const lab: Lab = await startLab({
    subscriptions: [
      ...usersInOrder.filter((user) => user !== "unknown").map(subscriptionOf),
      { impi: self.impi, impu: self.impu, digestPassword: self.password },
    ],
    trusted: ["127.0.0.1"],
    icscfs: 2,
    expiry: { min: 1, max },
  });
  const { impu: challenged } = subscriptionOf("challenged");
  const { impu: refused } = subscriptionOf("refused");
  lab.intercept((request, at) => {
    if (request.method !== "REGISTER" || at !== "S-CSCF") return undefined;
    if (request.to.uri === refused) return { status: differences.sarRejected.lab };
    const challenge = 'Digest realm="ims.test", nonce="n", algorithm=MD5, qop="auth"';
    return request.to.uri === challenged ? { status: 401, headers: [["WWW-Authenticate", challenge]] } : undefined;
  });
  let startHss: (() => void) | undefined;
  const [first = "", second = ""] = lab.icscfs.map(({ address, port }) => `sip:${address}:${port}`);
  const queries = (impu: string): Lab["cx"] => lab.cx.filter((query) => query.impu === impu);
  return {
    name: "lab",
    entryPoints: [first, second],
    portal: { address: "127.0.0.1", port: 0 },
    peers: ["127.0.0.1"],
    contacts: async (impu) =>
      lab.registrations.filter((one) => one.impu === impu).flatMap(({ contacts }) => contacts.map(({ uri }) => uri)),
    featureCaps: (impu) =>
      lab.wire
        .find("REGISTER", "S-CSCF", "in")
        .map(({ octets }) => parseMessage(octets))
        .flatMap((register) => (register.to.uri === impu ? (register.get("Feature-Caps") ?? "") : [])),
    watches: (impu) =>
      lab.wire.find("SUBSCRIBE", "S-CSCF", "in").filter(({ octets }) => octets.startsWith(`SUBSCRIBE ${impu} `)).length,
    assignments: (impu) => queries(impu).flatMap(({ assignment }) => assignment ?? []),
    commands: (impu) => queries(impu).map(({ command }) => command),
    terminate: async (impu) => void lab.deregister(impu),
    stopIcscf: (index) => lab.stopIcscf(index),
    startIcscf: (index) => lab.startIcscf(index),
    restartScscf: () => lab.restartScscf(),
    stopHss: async () => {
      const { lab: status } = differences.hssDown;
      startHss = lab.intercept((_, at) => (at === "I-CSCF" ? { status } : undefined));
    },
    startHss: async () => startHss?.(),
    call: async (impu) => (await (await lab.dial({ from: "+12025550120", to: impu })).ended).status ?? 0,
    logs: () => lab.violations.join("\n"),
    close: () => lab.close(),
  };
}
