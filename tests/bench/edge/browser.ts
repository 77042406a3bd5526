import { once } from "node:events";
import { createResponse, parseMessage, parseNameAddr, SipRequest, SipResponse, type SipMessage } from "@portico/sip";
import { WebSocket } from "ws";
import { chromiumOffer } from "../chromiumOffer.ts";
import { homeDomain, impuOf, site } from "./access.ts";

const answer = chromiumOffer.replace("a=setup:actpass", "a=setup:active");

/** A browser's SIP side over a WebSocket (RFC 7118), as light as it can be. It has no timers: loopback loses nothing. */
export class BenchBrowser {
  readonly impu: string;
  readonly #socket: WebSocket;
  readonly #user: number;
  readonly #token: string;
  readonly #host: string;
  readonly #waiting = new Map<string, (response: SipResponse) => void>();
  #count = 0;
  #cseq = 0;

  private constructor(socket: WebSocket, user: number, token: string) {
    this.#socket = socket;
    this.#user = user;
    this.#token = token;
    this.#host = `b${user}.invalid`;
    this.impu = impuOf(user);
    socket.on("message", (bytes: Buffer) => this.#receive(parseMessage(bytes.toString("latin1"))));
  }

  static async open(port: number, user: number, token: string): Promise<BenchBrowser> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/w2`, ["sip"], { origin: site, perMessageDeflate: false });
    await once(socket, "open");
    return new BenchBrowser(socket, user, token);
  }

  /** Registers, or does so again. @throws Error for any answer but 200. */
  async register(): Promise<void> {
    this.#cseq += 1;
    const instance = `<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-${String(this.#user).padStart(12, "0")}>`;
    await this.#request("REGISTER", `sip:${homeDomain}`, `<${this.impu}>`, `${this.#cseq} REGISTER`, `r${this.#user}`, [
      ["Contact", `<${this.#contact}>;reg-id=1;expires=600;+sip.instance="${instance}"`],
      ["Supported", "path, gruu, outbound"],
      ["Authorization", `Bearer ${this.#token}`],
    ]);
  }

  /** Calls, is answered, and hangs up. @throws Error for any answer but 200. */
  async call(callee: string): Promise<void> {
    this.#count += 1;
    const callId = `c${this.#count}`;
    const contact: [string, string] = ["Contact", `<${this.#contact}>`];
    const body = { type: "application/sdp", text: chromiumOffer };
    const accepted = await this.#request("INVITE", callee, `<${callee}>`, "1 INVITE", callId, [contact], body);
    const target = parseNameAddr(accepted.get("Contact") ?? "").uri;
    const to = accepted.get("To") ?? "";
    this.#send(this.#create("ACK", target, to, "1 ACK", callId));
    await this.#request("BYE", target, to, "2 BYE", callId);
  }

  close(): void {
    this.#socket.terminate();
  }

  get #contact(): string {
    return `sip:u${this.#user}@${this.#host};transport=ws`;
  }

  #create(
    method: string,
    uri: string,
    to: string,
    cseq: string,
    callId: string,
    headers: readonly [string, string][] = [],
    body?: { type: string; text: string },
  ): SipRequest {
    const fixed: [string, string][] = [
      ["Via", `SIP/2.0/WS ${this.#host};branch=z9hG4bK${callId}${cseq.replace(" ", "")}`],
      ["Max-Forwards", "70"],
      ["From", `<${this.impu}>;tag=t${callId}`],
      ["To", to],
      ["Call-ID", `${callId}@${this.#host}`],
      ["CSeq", cseq],
    ];
    return SipRequest.create(method, uri, [...fixed, ...headers], body);
  }

  async #request(
    method: string,
    uri: string,
    to: string,
    cseq: string,
    callId: string,
    headers?: readonly [string, string][],
    body?: { type: string; text: string },
  ): Promise<SipResponse> {
    const request = this.#create(method, uri, to, cseq, callId, headers, body);
    const response = await new Promise<SipResponse>((resolve) => {
      this.#waiting.set(`${request.callId} ${cseq}`, resolve);
      this.#send(request);
    });
    if (response.status !== 200) throw new Error(`${method} was answered ${response.status} ${response.reason}`);
    return response;
  }

  #receive(message: SipMessage): void {
    if (message instanceof SipResponse) {
      if (message.status < 200) return;
      const { callId, cseq } = message;
      const key = `${callId} ${cseq.number} ${cseq.method}`;
      this.#waiting.get(key)?.(message);
      this.#waiting.delete(key);
    } else if (message.method === "INVITE") {
      const toTag = "callee";
      const headers: [string, string][] = [["Contact", `<${this.#contact}>`]];
      this.#send(createResponse(message, 180, { toTag, headers }));
      const body = { type: "application/sdp", text: answer };
      this.#send(createResponse(message, 200, { toTag, headers, body }));
    } else if (message.method !== "ACK") this.#send(createResponse(message, 200));
  }

  #send(message: SipMessage): void {
    this.#socket.send(message.toOctets());
  }
}
