import { randomBytes } from "node:crypto";
import { SrtpSession } from "werift";
import type { Contender, Figure } from "../figure.ts";
import { Subject } from "../subject.ts";
import { BrowserEnd } from "./browserEnd.ts";
import { CallLoad, type Call } from "./callLoad.ts";
import { createIdentity } from "./identity.ts";
import type { PlaneCommands } from "./process.ts";
import { srtpProfiles, type ProfileKey } from "./profile.ts";
import { openLoopback } from "./udp.ts";
import type { WeriftCommands } from "./weriftProcess.ts";

const callCount = 50;
const warmUpMs = 2000;
const roundMs = 1000;
/** Of the packets sent, so many must arrive for a round to count; a starved one is done again, a few times. */
const leastShare = 0.98;
const mostAttempts = 6;

/** CPU of one packet of G.711 relayed, from SRTP to RTP or back, at 5000 packets a second. */
export function relayFigure(profile: ProfileKey): Figure {
  return { unit: "us", rounds: 5, open: async () => [await openPlane(profile), await openWerift(profile)] };
}

type Ends = Pick<Call, "browser" | "core">;

async function openPlane(profile: ProfileKey): Promise<Contender> {
  const subject = await Subject.start<PlaneCommands>(new URL("process.ts", import.meta.url), [profile]);
  const identity = await createIdentity();
  const ends = await openEnds(profile, identity);
  const opened = await subject.ask(
    "open",
    ends.map(({ browser: { ufrag }, core }) => ({
      remote: {
        ufrag,
        pwd: "browserpasswordof24chars",
        fingerprints: [identity.fingerprint],
        setup: "active" as const,
      },
      corePort: core.address().port,
    })),
  );
  const calls: Call[] = [];
  for (const [index, { access, core }] of opened.entries()) {
    const end = endAt(ends, index);
    await end.browser.check(access);
    const srtp = await end.browser.handshake(access.port);
    calls.push({ ...end, srtp, accessPort: access.port, corePort: core.port });
  }
  return contender("Portico", subject, calls);
}

async function openWerift(profile: ProfileKey): Promise<Contender> {
  const { id, salt } = srtpProfiles[profile];
  const subject = await Subject.start<WeriftCommands>(new URL("weriftProcess.ts", import.meta.url), [profile]);
  const ends = await openEnds(profile, await createIdentity());
  const master = (): Master => ({ key: randomBytes(16), salt: randomBytes(salt) });
  const keys = ends.map(() => ({ browser: master(), relay: master() }));
  const ports = await subject.ask(
    "relay",
    keys.map(({ browser, relay }, index) => ({
      accessPort: endAt(ends, index).browser.port,
      corePort: endAt(ends, index).core.address().port,
      keys: { local: asText(relay), remote: asText(browser) },
    })),
  );
  const calls = keys.map(({ browser, relay }, index) => ({
    browser: endAt(ends, index).browser,
    core: endAt(ends, index).core,
    srtp: new SrtpSession({
      profile: id,
      keys: {
        localMasterKey: browser.key,
        localMasterSalt: browser.salt,
        remoteMasterKey: relay.key,
        remoteMasterSalt: relay.salt,
      },
    }),
    accessPort: ports.access,
    corePort: ports.core[index] ?? 0,
  }));
  return contender("werift 0.25.2 SRTP over node:dgram (no ICE, RTCP or checks)", subject, calls);
}

function contender(
  name: string,
  subject: Subject<PlaneCommands> | Subject<WeriftCommands>,
  calls: readonly Call[],
): Contender {
  const load = new CallLoad(calls);
  return {
    name,
    warmUp: async () => void (await load.talk(warmUpMs)),
    round: async () => {
      let talked = { sent: 0, arrived: 0 };
      for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
        const cpu = await subject.cpuDuring(async () => void (talked = await load.talk(roundMs)));
        if (talked.arrived >= talked.sent * leastShare) return cpu / talked.arrived;
      }
      throw new Error(`${name}: ${talked.arrived} of ${talked.sent} packets arrived; the machine is too busy`);
    },
    close: async () => {
      for (const { browser, core } of calls) {
        browser.close();
        core.close();
      }
      await subject.close();
    },
  };
}

async function openEnds(profile: ProfileKey, identity: Awaited<ReturnType<typeof createIdentity>>): Promise<Ends[]> {
  return await Promise.all(
    Array.from({ length: callCount }, async (_, index) => ({
      browser: await BrowserEnd.open(profile, identity, `browser${index}`),
      core: await openLoopback(),
    })),
  );
}

interface Master {
  readonly key: Buffer;
  readonly salt: Buffer;
}

const asText = ({ key, salt }: Master): { key: string; salt: string } => ({
  key: key.toString("base64"),
  salt: salt.toString("base64"),
});

function endAt(ends: readonly Ends[], index: number): Ends {
  const end = ends[index];
  if (end === undefined) throw new RangeError("more calls than ends");
  return end;
}
