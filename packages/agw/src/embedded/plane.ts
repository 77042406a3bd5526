import type { MediaContext, MediaPlane, SrtpProfileName } from "../mediaPlane.ts";
import { AgwError } from "../errors.ts";
import { AccessPorts, type AccessAddress } from "./accessPorts.ts";
import { EmbeddedContext, type ContextOptions } from "./context.ts";
import { CorePorts } from "./corePorts.ts";
import { createCertificate, type LocalCertificate } from "./dtls/certificate.ts";

export interface EmbeddedPlaneOptions {
  /** Where browsers reach this gateway. One UDP port of each serves all calls. Loopback is advertised last. */
  readonly accessAddresses: readonly AccessAddress[];
  /** 0: any */
  readonly accessPort: number;
  /** Where the core reaches it. */
  readonly coreAddress: string;
  /** RTP and RTCP ports, both ends included; two for each call. Default 16384 to 32767. */
  readonly corePorts?: readonly [min: number, max: number];
  /** Without STUN, SRTP and SRTCP for so long a browser is reported as inactive. Default 30. */
  readonly inactivitySeconds?: number;
  /** Time for a DTLS handshake. Default 15. */
  readonly handshakeSeconds?: number;
  /** A context whose browser was not heard for so long, nor ever, is closed. Default 900: longer than any ringing. */
  readonly staleSeconds?: number;
  /** In order of preference; default both, AES-CM first, which costs less here. */
  readonly srtpProfiles?: readonly SrtpProfileName[];
}

/** How often silence is looked for, at the rarest. */
const tickMs = 1000;

/**
 * Opens the media plane that runs in this process.
 *
 * @example
 * const plane = await openEmbeddedPlane({
 *   accessAddresses: [{ bind: "192.0.2.7" }, { bind: "127.0.0.1" }],
 *   accessPort: 40_000,
 *   coreAddress: "192.0.2.7",
 * });
 * @throws AgwError `agw/bind`
 */
export async function openEmbeddedPlane(options: EmbeddedPlaneOptions): Promise<MediaPlane> {
  const accessPorts = await AccessPorts.open(options.accessAddresses, options.accessPort);
  return new EmbeddedPlane(options, accessPorts);
}

class EmbeddedPlane implements MediaPlane {
  readonly #options: EmbeddedPlaneOptions;
  readonly #accessPorts: AccessPorts;
  readonly #corePorts: CorePorts;
  readonly #certificate: LocalCertificate = createCertificate();
  readonly #contexts = new Set<EmbeddedContext>();
  readonly #times: Pick<ContextOptions, "inactivityMs" | "handshakeMs" | "staleMs">;
  readonly #timer: NodeJS.Timeout;
  #closed = false;

  constructor(options: EmbeddedPlaneOptions, accessPorts: AccessPorts) {
    this.#options = options;
    this.#accessPorts = accessPorts;
    this.#corePorts = new CorePorts(options.coreAddress, options.corePorts ?? [16_384, 32_767]);
    const { inactivitySeconds = 30, handshakeSeconds = 15, staleSeconds = 900 } = options;
    this.#times = {
      inactivityMs: inactivitySeconds * 1000,
      handshakeMs: handshakeSeconds * 1000,
      staleMs: staleSeconds * 1000,
    };
    this.#timer = setInterval(
      () => {
        const now = performance.now();
        for (const context of this.#contexts) context.tick(now);
      },
      Math.min(tickMs, ...Object.values(this.#times).map((ms) => ms / 4)),
    );
  }

  get size(): number {
    return this.#contexts.size;
  }

  async open(): Promise<MediaContext> {
    if (this.#closed) throw new AgwError("agw/closed");
    const context = new EmbeddedContext({
      accessPorts: this.#accessPorts,
      certificate: this.#certificate,
      profiles: this.#options.srtpProfiles ?? ["SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AEAD_AES_128_GCM"],
      ...this.#times,
      onClosed: (closed) => this.#contexts.delete(closed),
    });
    this.#contexts.add(context);
    try {
      context.attach(await this.#corePorts.open(context));
    } catch (error) {
      context.close();
      throw error;
    }
    if (this.#closed) {
      context.close();
      throw new AgwError("agw/closed");
    }
    return context;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    for (const context of this.#contexts) context.close();
    this.#accessPorts.close();
  }
}
