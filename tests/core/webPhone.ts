import { createHash } from "node:crypto";
import type { Usim, UsimAnswer } from "@portico/lab";
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

/** IMS credentials of one's own. */
export type OwnIdentity =
  | { readonly impu: string; readonly impi: string; readonly password: string }
  | { readonly impu: string; readonly impi: string; readonly usim: Pick<Usim, "answer"> };
/** Who is at the telephone. */
type Identity = { readonly impu: string; readonly token: string } | OwnIdentity;

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
  /** The core's Digest challenges to it. */
  readonly challenges: ReadonlyMap<string, string | undefined>[] = [];
  readonly #socket: WebSocket;
  readonly #agent: UserAgent;
  readonly #identity: Identity;
  #challenge: ReadonlyMap<string, string | undefined> = new Map();
  #count = 0;
  #answered: (UsimAnswer & { readonly nonce: string }) | undefined;
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
      this.challenges.push(challenge.params);
      this.#count = 0;
    }
    if (response.status === 200) this.granted = Number(/;expires=(\d+)/.exec(response.get("Contact") ?? "")?.[1] ?? 0);
    return response;
  }

  /** RFC 7616 §3.4 with qop=auth, as TS 24.229 wants it; empty before the first challenge. */
  #authorization(): string {
    if ("token" in this.#identity) return `Bearer ${this.#identity.token}`;
    const { impi } = this.#identity;
    const [algorithm, name] = "usim" in this.#identity ? ["AKAv2-SHA-256", "sha256"] : ["MD5", "md5"];
    const nonce = this.#challenge.get("nonce") ?? "";
    const head = `Digest username="${impi}", realm="ims.test", uri="sip:ims.test", nonce="${nonce}", algorithm=${algorithm}`;
    if (nonce === "") return `${head}, response=""`;
    // RFC 3310 §3.4: who has no password yet answers with an empty one.
    const answer = "usim" in this.#identity ? this.#usimAnswer(this.#identity.usim, nonce) : this.#identity;
    const password = "password" in answer ? answer.password : "";
    const auts = "auts" in answer ? `, auts="${answer.auts}"` : "";
    this.#count += 1;
    const nc = this.#count.toString(16).padStart(8, "0");
    const hash = (text: string): string => createHash(name).update(text).digest("hex");
    const secret = hash(`${impi}:ims.test:${password}`);
    const response = hash(`${secret}:${nonce}:${nc}:c1:auth:${hash("REGISTER:sip:ims.test")}`);
    return `${head}, response="${response}", qop=auth, nc=${nc}, cnonce="c1"${auts}`;
  }

  /** A USIM is asked once for each challenge. */
  #usimAnswer(usim: Pick<Usim, "answer">, nonce: string): UsimAnswer {
    if (this.#answered?.nonce !== nonce) this.#answered = { nonce, ...usim.answer(nonce) };
    return this.#answered;
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
