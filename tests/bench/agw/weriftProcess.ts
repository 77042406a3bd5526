import type { Socket } from "node:dgram";
import { DtlsServer, RtpHeader, RtpPacket, SrtpSession, UdpTransport } from "werift";
import { serve } from "../serve.ts";
import { createIdentity } from "./identity.ts";
import { srtpProfiles, type ProfileKey } from "./profile.ts";
import { openLoopback } from "./udp.ts";

// Process under test, peer: werift's SRTP and DTLS. Argument: SRTP profile.
const profile = srtpProfiles[(process.argv[2] ?? "cm") as ProfileKey];
const identity = await createIdentity();
const access: Socket = await openLoopback();
const octets = (text: string): Buffer => Buffer.from(text, "base64");
let transports: UdpTransport[] = [];

const commands = {
  /** A relay from SRTP to RTP and back, keys given by hand: no ICE, DTLS, RTCP, statistics, or checks of the source. */
  relay: async (
    calls: { accessPort: number; corePort: number; keys: Record<"local" | "remote", { key: string; salt: string }> }[],
  ): Promise<{ access: number; core: number[] }> => {
    const toCore = new Map<number, (packet: Buffer) => void>();
    access.on("message", (packet, { port }) => toCore.get(port)?.(packet));
    const cores: number[] = [];
    for (const { accessPort, corePort, keys } of calls) {
      const session = new SrtpSession({
        profile: profile.id,
        keys: {
          localMasterKey: octets(keys.local.key),
          localMasterSalt: octets(keys.local.salt),
          remoteMasterKey: octets(keys.remote.key),
          remoteMasterSalt: octets(keys.remote.salt),
        },
      });
      const core = await openLoopback();
      toCore.set(accessPort, (packet) => core.send(session.decrypt(packet), corePort, "127.0.0.1"));
      core.on("message", (packet) => {
        const { header, payload } = RtpPacket.deSerialize(packet);
        access.send(session.encrypt(payload, new RtpHeader(header)), accessPort, "127.0.0.1");
      });
      cores.push(core.address().port);
    }
    return { access: access.address().port, core: cores };
  },
  /** DTLS servers that wait for a client each. @returns their ports */
  listen: async (count: number): Promise<number[]> => {
    const ports: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const transport = await UdpTransport.init("udp4");
      transports.push(transport);
      const server = new DtlsServer({
        transport,
        ...identity.dtls,
        srtpProfiles: [profile.id],
        certificateRequest: true,
        extendedMasterSecret: true,
      });
      server.onError.subscribe(() => undefined);
      ports.push(transport.port);
    }
    return ports;
  },
  close: async (): Promise<void> => {
    for (const transport of transports) await transport.close();
    transports = [];
  },
};
export type WeriftCommands = typeof commands;

serve(commands);
