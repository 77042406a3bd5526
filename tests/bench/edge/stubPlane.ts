import type { MediaContext, MediaPlane } from "@portico/agw";

/** A media plane without sockets: what a call costs in signalling is to be seen, not its media. */
export class StubPlane implements MediaPlane {
  size = 0;

  async open(): Promise<MediaContext> {
    this.size += 1;
    const address = "192.0.2.7";
    const port = 40_000;
    let open = true;
    return {
      id: "stub",
      access: {
        ufrag: "gwuf",
        pwd: "gatewaypasswordofmore22",
        fingerprint: { algorithm: "sha-256", value: Array.from({ length: 32 }, () => "2F").join(":") },
        candidates: [
          { foundation: "1", component: 1, transport: "udp", priority: 2_130_706_431, address, port, type: "host" },
        ],
        address,
        port,
      },
      core: { address, port: 16_384, rtcpPort: 16_385 },
      setAccessRemote: () => undefined,
      setCoreRemote: () => undefined,
      relay: () => undefined,
      stats: () => {
        throw new Error("signalling asks for no statistics");
      },
      on: () => () => undefined,
      close: () => {
        if (open) this.size -= 1;
        open = false;
      },
    };
  }

  async close(): Promise<void> {}
}
