import type { Socket } from "node:dgram";
import { DtlsClient, SrtpSession } from "werift";
import { nominatingCheck } from "./check.ts";
import type { createIdentity } from "./identity.ts";
import { srtpProfiles, type ProfileKey } from "./profile.ts";
import { openLoopback } from "./udp.ts";

type Identity = Awaited<ReturnType<typeof createIdentity>>;

/** How long to wait for an answer on loopback. */
const patienceMs = 5000;

/** The W3 end of a scripted browser: ICE, DTLS and SRTP over one socket, by another implementation than ours. */
export class BrowserEnd {
  readonly ufrag: string;
  readonly #socket: Socket;
  readonly #profile: ProfileKey;
  readonly #identity: Identity;
  #onPacket: (packet: Buffer) => void = () => undefined;

  private constructor(socket: Socket, profile: ProfileKey, identity: Identity, ufrag: string) {
    this.#socket = socket;
    this.#profile = profile;
    this.#identity = identity;
    this.ufrag = ufrag;
    socket.on("message", (packet) => this.#onPacket(packet));
  }

  static async open(profile: ProfileKey, identity: Identity, ufrag: string): Promise<BrowserEnd> {
    return new BrowserEnd(await openLoopback(), profile, identity, ufrag);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Nominates the pair with the gateway and waits for its answer. */
  async check(gateway: { port: number; ufrag: string; pwd: string }): Promise<void> {
    await within("a check was not answered", (done) => {
      this.#onPacket = ({ 0: first, 1: second }) => {
        if (first === 0x01 && second === 0x01) done();
      };
      this.send(nominatingCheck(`${gateway.ufrag}:${this.ufrag}`, gateway.pwd), gateway.port);
    });
  }

  /** Does the DTLS handshake as its client. @returns the SRTP session of its keys */
  async handshake(port: number): Promise<SrtpSession> {
    const { id, salt } = srtpProfiles[this.#profile];
    const transport = {
      type: "udp",
      closed: false,
      address: { address: "127.0.0.1", family: "IPv4", port },
      onData: (_packet: Buffer, _from: readonly [string, number]): void => undefined,
      send: async (packet: Buffer): Promise<void> => this.send(packet, port),
      close: async (): Promise<void> => undefined,
    };
    this.#onPacket = (packet) => {
      const first = packet[0] ?? 0;
      // RFC 7983: the range of DTLS.
      if (first >= 20 && first <= 63) transport.onData(packet, ["127.0.0.1", port]);
    };
    const client = new DtlsClient({
      transport,
      ...this.#identity.dtls,
      srtpProfiles: [id],
      certificateRequest: true,
      extendedMasterSecret: true,
    });
    await within("DTLS did not connect", (done) => {
      client.onConnect.subscribe(() => done());
      void client.connect();
    });
    const { localKey, localSalt, remoteKey, remoteSalt } = client.extractSessionKeys(16, salt);
    return new SrtpSession({
      profile: id,
      keys: {
        localMasterKey: localKey,
        localMasterSalt: localSalt,
        remoteMasterKey: remoteKey,
        remoteMasterSalt: remoteSalt,
      },
    });
  }

  /** Where further packets go. */
  set onPacket(listener: (packet: Buffer) => void) {
    this.#onPacket = listener;
  }

  send(packet: Buffer, port: number): void {
    this.#socket.send(packet, port, "127.0.0.1");
  }

  close(): void {
    this.#socket.close();
  }
}

async function within(complaint: string, start: (done: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), patienceMs);
    start(resolve);
  });
  clearTimeout(timer);
}
