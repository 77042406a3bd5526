import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { AvpReader, avpNames, cxApplication, vendor3gpp, writeAvp } from "./avp.ts";
import { Cx, type CxProcedure } from "./cx.ts";
import { DiameterFramer, formatMessage, type DiameterMessage } from "./message.ts";
import { publicIdentities, type Subscription } from "./subscription.ts";

export interface HssOptions {
  /** Loopback address; also the HSS's Diameter identity, since no name needs to be resolved then. */
  readonly address: string;
  readonly port: number;
  readonly homeDomain: string;
  readonly subscriptions: readonly Subscription[];
}

/** Base commands (RFC 6733 §3.1) and the one Cx command that an HSS sends. */
const capabilitiesExchange = 257;
const deviceWatchdog = 280;
const disconnectPeer = 282;
const registrationTermination = 304;

const success = 2001;
const commandUnsupported = 3001;
const permanentTermination = 0;

/** A home subscriber server with Cx over TCP (TS 29.228, TS 29.229), for tests. */
export class Hss {
  readonly #options: HssOptions;
  #server: Server;
  readonly #cx: Cx;
  readonly #peers = new Map<string, Socket>();
  readonly #sockets = new Set<Socket>();
  readonly #terminations = new Map<number, (result: number) => void>();
  #sequence = 0;

  /** @throws Error when the address is in use: one core a machine, since its addresses are fixed. */
  static async start(options: HssOptions): Promise<Hss> {
    const hss = new Hss(options);
    await hss.listen();
    return hss;
  }

  /** Serves again after {@link close}; what was assigned is still known, as in a real HSS's database. */
  async listen(): Promise<void> {
    const { address, port } = this.#options;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.listen(port, address);
    try {
      await once(this.#server, "listening");
    } catch (cause) {
      throw new Error(`no HSS on ${address}:${port}; another run of these tests may be using it`, { cause });
    }
  }

  private constructor(options: HssOptions) {
    this.#options = options;
    this.#cx = new Cx(options.homeDomain, options.subscriptions);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Cx procedures since the start, oldest first. */
  get log(): readonly CxProcedure[] {
    return this.#cx.log;
  }

  /** Diameter identities of the CSCFs that are connected now. */
  get peers(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** True while an S-CSCF is assigned to the identity. */
  isAssigned(impu: string): boolean {
    return this.#cx.assignment(impu) !== undefined;
  }

  /**
   * Ends a registration from the network's side: RTR with reason PERMANENT_TERMINATION.
   * @param only one identity of its implicit set; default: all of them.
   * @returns the Result-Code of the S-CSCF's answer
   * @throws Error when no S-CSCF serves the identity
   */
  async deregister(impu: string, only?: string): Promise<number> {
    const { address, homeDomain } = this.#options;
    const assignment = this.#cx.assignment(impu);
    const socket = this.#peers.get(assignment?.peer ?? "");
    if (assignment === undefined || socket === undefined) throw new Error(`no S-CSCF serves ${impu}`);
    const { subscription } = assignment;
    this.#sequence += 1;
    const id = this.#sequence;
    const avps = [
      writeAvp(avpNames.sessionId, `${address};rtr;${id}`),
      vendorSpecificApplication(),
      writeAvp(avpNames.authSessionState, 1),
      ...this.#origin(),
      writeAvp(avpNames.destinationHost, assignment.peer),
      writeAvp(avpNames.destinationRealm, homeDomain),
      writeAvp(avpNames.userName, subscription.impi),
      ...(only === undefined ? publicIdentities(subscription, homeDomain) : [only]).map((identity) =>
        writeAvp(avpNames.publicIdentity, identity),
      ),
      writeAvp(avpNames.deregistrationReason, [
        writeAvp(avpNames.reasonCode, permanentTermination),
        writeAvp(avpNames.reasonInfo, "ended by the operator"),
      ]),
    ];
    const answered = new Promise<number>((resolve) => this.#terminations.set(id, resolve));
    socket.write(
      formatMessage({
        request: true,
        command: registrationTermination,
        application: cxApplication,
        hopByHop: id,
        endToEnd: id,
        avps: Buffer.concat(avps),
      }),
    );
    this.#cx.release(subscription);
    const result = await answered;
    this.#cx.log.push({ name: "RTR", impi: subscription.impi, impu, result });
    return result;
  }

  /** Cuts off every CSCF. Idempotent. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #accept(socket: Socket): void {
    const framer = new DiameterFramer();
    const peer = { name: "" };
    this.#sockets.add(socket);
    socket.on("data", (chunk) => {
      try {
        // No encoding is set, so the chunks are octets.
        for (const message of framer.push(chunk as Buffer)) this.#receive(message, socket, peer);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#peers.get(peer.name) === socket) this.#peers.delete(peer.name);
    });
  }

  #receive(message: DiameterMessage, socket: Socket, peer: { name: string }): void {
    const avps = new AvpReader(message.avps);
    if (!message.request) {
      this.#terminations.get(message.hopByHop)?.(avps.number(avpNames.resultCode) ?? 0);
      this.#terminations.delete(message.hopByHop);
      return;
    }
    if (message.command === capabilitiesExchange) {
      peer.name = avps.text(avpNames.originHost) ?? "";
      this.#peers.set(peer.name, socket);
    }
    const answer = Buffer.concat([...this.#sessionOf(message, avps), ...this.#answer(message, avps, peer.name)]);
    socket.write(formatMessage({ ...message, request: false, avps: answer }));
    if (message.command === disconnectPeer) socket.end();
  }

  #sessionOf({ application }: DiameterMessage, avps: AvpReader): Buffer[] {
    const session = avps.octets(avpNames.sessionId);
    return [
      ...(session === undefined ? [] : [writeAvp(avpNames.sessionId, session)]),
      ...(application === cxApplication ? [vendorSpecificApplication(), writeAvp(avpNames.authSessionState, 1)] : []),
      ...this.#origin(),
    ];
  }

  #answer({ command }: DiameterMessage, avps: AvpReader, peer: string): Buffer[] {
    const done = writeAvp(avpNames.resultCode, success);
    switch (command) {
      case capabilitiesExchange:
        return [done, ...this.#capabilities()];
      case deviceWatchdog:
      case disconnectPeer:
        return [done];
      default:
        return this.#cx.answer(command, avps, peer) ?? [writeAvp(avpNames.resultCode, commandUnsupported)];
    }
  }

  #capabilities(): Buffer[] {
    const ipv4 = [0, 1, ...this.#options.address.split(".").map(Number)];
    return [
      writeAvp(avpNames.hostIpAddress, Buffer.from(ipv4)),
      writeAvp(avpNames.vendorId, vendor3gpp),
      writeAvp(avpNames.productName, "test HSS"),
      writeAvp(avpNames.supportedVendorId, vendor3gpp),
      writeAvp(avpNames.authApplicationId, cxApplication),
      vendorSpecificApplication(),
    ];
  }

  #origin(): Buffer[] {
    const { address, homeDomain } = this.#options;
    return [writeAvp(avpNames.originHost, address), writeAvp(avpNames.originRealm, homeDomain)];
  }
}

function vendorSpecificApplication(): Buffer {
  return writeAvp(avpNames.vendorSpecificApplicationId, [
    writeAvp(avpNames.vendorId, vendor3gpp),
    writeAvp(avpNames.authApplicationId, cxApplication),
  ]);
}
