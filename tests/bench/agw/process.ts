import {
  openEmbeddedPlane,
  type AccessRemote,
  type AccessTermination,
  type CoreTermination,
  type MediaContext,
  type MediaPlane,
} from "@portico/agw";
import { serve } from "../serve.ts";
import { srtpProfiles, type ProfileKey } from "./profile.ts";

// Process under test: the embedded media plane on loopback. Argument: SRTP profile.
const profile = srtpProfiles[(process.argv[2] ?? "cm") as ProfileKey];
const plane: MediaPlane = await openEmbeddedPlane({
  accessAddresses: [{ bind: "127.0.0.1" }],
  accessPort: 0,
  coreAddress: "127.0.0.1",
  srtpProfiles: [profile.name],
});
const pcmu = { payloadType: 0, name: "PCMU", clockRate: 8000 };
let contexts: MediaContext[] = [];

const commands = {
  /** Opens a context for each browser, the far end at `corePort`. @returns where they are to be reached */
  open: async (
    calls: { remote: AccessRemote; corePort: number }[],
  ): Promise<{ access: AccessTermination; core: CoreTermination }[]> => {
    const opened: { access: AccessTermination; core: CoreTermination }[] = [];
    for (const { remote, corePort } of calls) {
      const context = await plane.open();
      contexts.push(context);
      context.setAccessRemote(remote);
      context.setCoreRemote({ address: "127.0.0.1", port: corePort });
      context.relay({ audio: [{ access: pcmu, core: pcmu }], toCore: true, toAccess: true });
      opened.push({ access: context.access, core: context.core });
    }
    return opened;
  },
  /** How many are connected, fingerprint and all. */
  connected: (): number => contexts.filter((context) => context.stats().connected).length,
  close: (): void => {
    for (const context of contexts) context.close();
    contexts = [];
  },
};
export type PlaneCommands = typeof commands;

serve(commands);
