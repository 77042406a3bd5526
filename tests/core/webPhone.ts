import {
  octets,
  parseMessage,
  SipRequest,
  UserAgent,
  type Hop,
  type ServerTransaction,
  type SipResponse,
} from "@portico/sip";
import { systemClock, systemRandom } from "@portico/transport";
import { WebSocket } from "ws";

/** A page's telephone without the page: SIP over WebSocket (RFC 7118), scripted. */
export class WebPhone implements Hop {
  readonly protocol = "WSS";
  readonly reliable = true;
  readonly sentBy = `${systemRandom.token(12)}.invalid`;
  readonly impu: string;
  /** INVITEs that have reached it; each is declined with 603. */
  readonly calls: SipRequest[] = [];
  /** How the WebSocket has ended. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** Of the last 200 (OK), seconds. */
  granted = 0;
  readonly #socket: WebSocket;
  readonly #agent: UserAgent;
  readonly #token: string;
  readonly #instance = crypto.randomUUID();
  readonly #callId = systemRandom.token(20);
  #cseq = 0;

  /** Connects. @throws Error when the portal does not take the connection */
  static async open(options: { url: string; origin: string; token: string; impu: string }): Promise<WebPhone> {
    const socket = new WebSocket(options.url, ["sip"], { origin: options.origin });
    const phone = new WebPhone(socket, options);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return phone;
  }

  private constructor(socket: WebSocket, { token, impu }: { token: string; impu: string }) {
    this.#socket = socket;
    this.#token = token;
    this.impu = impu;
    this.#agent = new UserAgent({ clock: systemClock, random: systemRandom, onRequest: (tx) => this.#answer(tx) });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#agent.hopClosed(this);
    });
    socket.on("error", () => undefined);
    socket.on("message", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      if (text.trim() !== "") this.#agent.receive(parseMessage(text), this);
    });
  }

  send(message: string): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(octets.toText(message));
    return true;
  }

  /**
   * One REGISTER; 503 when the connection is gone.
   * @param contact URI of the Contact, where it is not to be this phone's own
   */
  async register(expires = 600, contact?: string): Promise<SipResponse> {
    this.#cseq += 1;
    const uri = contact ?? `sip:phone@${this.sentBy};transport=ws`;
    const instance = `+sip.instance="<urn:uuid:${this.#instance}>"`;
    const response = await this.#agent.send(
      SipRequest.create("REGISTER", "sip:ims.test", [
        ["Max-Forwards", "70"],
        ["From", `<${this.impu}>;tag=${systemRandom.token(8)}`],
        ["To", `<${this.impu}>`],
        ["Call-ID", this.#callId],
        ["CSeq", `${this.#cseq} REGISTER`],
        ["Contact", `<${uri}>;reg-id=1;${instance};expires=${expires}`],
        ["Supported", "path, gruu, outbound"],
        ["Authorization", `Bearer ${this.#token}`],
      ]),
      this,
    );
    if (response.status === 200) this.granted = Number(/;expires=(\d+)/.exec(response.get("Contact") ?? "")?.[1] ?? 0);
    return response;
  }

  /** The socket goes without a word. */
  drop(): void {
    this.#agent.close();
    this.#socket.terminate();
  }

  #answer(tx: ServerTransaction): void {
    if (tx.request.method !== "INVITE") return tx.reply(200);
    this.calls.push(tx.request);
    return tx.reply(603);
  }
}
