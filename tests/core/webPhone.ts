import { createHash } from "node:crypto";
import {
  octets,
  parseCredentials,
  parseMessage,
  SipRequest,
  UserAgent,
  type HeaderList,
  type Hop,
  type InviteEvents,
  type InviteUsage,
  type ServerTransaction,
  type SipResponse,
} from "@portico/sip";
import { systemClock, systemRandom } from "@portico/transport";
import { WebSocket } from "ws";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** Who is at the telephone: by an access token, or by IMS credentials of her own. */
type Identity =
  | { readonly impu: string; readonly token: string }
  | { readonly impu: string; readonly impi: string; readonly password: string };

/** A page's telephone without the page: SIP over WebSocket (RFC 7118), scripted. */
export class WebPhone implements Hop {
  readonly protocol = "WSS";
  readonly reliable = true;
  readonly sentBy = `${systemRandom.token(12)}.invalid`;
  /** INVITEs that have reached it. */
  readonly calls: SipRequest[] = [];
  /** Answers an INVITE. */
  take: (tx: ServerTransaction) => void = (tx) => tx.reply(603);
  /** How the WebSocket has ended. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** Of the last 200 (OK), seconds. */
  granted = 0;
  readonly #socket: WebSocket;
  readonly #agent: UserAgent;
  readonly #identity: Identity;
  #challenge: ReadonlyMap<string, string | undefined> = new Map();
  #count = 0;
  readonly #instance = crypto.randomUUID();
  readonly #callId = systemRandom.token(20);
  #cseq = 0;

  /** Connects. @throws Error when the portal does not take the connection */
  static async open(options: { url: string; origin: string; identity: Identity }): Promise<WebPhone> {
    const socket = new WebSocket(options.url, ["sip"], { origin: options.origin });
    const phone = new WebPhone(socket, options.identity);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return phone;
  }

  private constructor(socket: WebSocket, identity: Identity) {
    this.#socket = socket;
    this.#identity = identity;
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
    const { impu } = this.#identity;
    const uri = contact ?? `sip:phone@${this.sentBy};transport=ws`;
    const instance = `+sip.instance="<urn:uuid:${this.#instance}>"`;
    const response = await this.#agent.send(
      SipRequest.create("REGISTER", "sip:ims.test", [
        ["Max-Forwards", "70"],
        ["From", `<${impu}>;tag=${systemRandom.token(8)}`],
        ["To", `<${impu}>`],
        ["Call-ID", this.#callId],
        ["CSeq", `${this.#cseq} REGISTER`],
        ["Contact", `<${uri}>;reg-id=1;${instance};expires=${expires}`],
        ["Supported", "path, gruu, outbound"],
        ["Authorization", this.#authorization()],
      ]),
      this,
    );
    const challenges = response.all("WWW-Authenticate").map((value) => parseCredentials(value));
    for (const challenge of challenges) {
      if (challenge.scheme !== "digest") continue;
      this.#challenge = challenge.params;
      this.#count = 0;
    }
    if (response.status === 200) this.granted = Number(/;expires=(\d+)/.exec(response.get("Contact") ?? "")?.[1] ?? 0);
    return response;
  }

  /** RFC 7616 §3.4 with qop=auth, as SIP Digest of TS 24.229 wants it; empty before the first challenge. */
  #authorization(): string {
    if ("token" in this.#identity) return `Bearer ${this.#identity.token}`;
    const { impi, password } = this.#identity;
    const nonce = this.#challenge.get("nonce") ?? "";
    const head = `Digest username="${impi}", realm="ims.test", uri="sip:ims.test", nonce="${nonce}"`;
    if (nonce === "") return `${head}, response=""`;
    this.#count += 1;
    const nc = this.#count.toString(16).padStart(8, "0");
    const secret = md5(`${impi}:ims.test:${password}`);
    const response = md5(`${secret}:${nonce}:${nc}:c1:auth:${md5("REGISTER:sip:ims.test")}`);
    return `${head}, response="${response}", algorithm=MD5, qop=auth, nc=${nc}, cnonce="c1"`;
  }

  /** Calls. @param offer SDP. @param headers besides those of every INVITE */
  call(target: string, offer: string, on: InviteEvents, headers: HeaderList = []): InviteUsage {
    const { impu } = this.#identity;
    const invite = SipRequest.create(
      "INVITE",
      target,
      [
        ["Max-Forwards", "70"],
        ["From", `<${impu}>;tag=${systemRandom.token(8)}`],
        ["To", `<${target}>`],
        ["Call-ID", systemRandom.token(20)],
        ["CSeq", "1 INVITE"],
        ["Contact", `<sip:phone@${this.sentBy};transport=ws>`],
        ...headers,
      ],
      { type: "application/sdp", text: offer },
    );
    return this.#agent.invite(invite, this, on);
  }

  /** Takes a call. @param answer SDP. */
  accept(tx: ServerTransaction, answer: string, on: InviteEvents): InviteUsage {
    const usage = this.#agent.accept(tx, on);
    const headers: HeaderList = [["Contact", `<sip:phone@${this.sentBy};transport=ws>`]];
    usage.accept({ headers, body: { type: "application/sdp", text: answer } });
    return usage;
  }

  /** The socket goes without a word. */
  drop(): void {
    this.#agent.close();
    this.#socket.terminate();
  }

  #answer(tx: ServerTransaction): void {
    if (tx.request.method !== "INVITE") return tx.reply(200);
    this.calls.push(tx.request);
    return this.take(tx);
  }
}
