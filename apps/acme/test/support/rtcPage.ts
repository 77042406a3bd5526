import { WebSocket } from "ws";
import type { HubMessage, PageMessage } from "../../src/rtc/protocol.ts";

/** A page's end of `/rtc`, spoken to by the test. */
export class RtcPage {
  readonly heard: HubMessage[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", (code) => resolve(code)));
    socket.on("message", (data: Buffer) => this.heard.push(JSON.parse(data.toString()) as HubMessage));
  }

  /** Rejects with the HTTP status when the server refuses. */
  static async open(site: string, cookie: string, tab: string = crypto.randomUUID(), origin = site): Promise<RtcPage> {
    const socket = new WebSocket(`${site.replace("http", "ws")}/rtc?tab=${tab}`, { headers: { cookie, origin } });
    const page = new RtcPage(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
      socket.once("unexpected-response", (_, response) => reject(new Error(String(response.statusCode))));
    });
    await page.next("welcome");
    return page;
  }

  send(message: PageMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  sendRaw(text: string | Buffer): void {
    this.#socket.send(text);
  }

  /** The next message of a type, now or soon; it and what came before it are taken. */
  async next<T extends HubMessage["type"]>(type: T): Promise<Extract<HubMessage, { type: T }>> {
    const until = performance.now() + 15_000;
    for (;;) {
      const at = this.heard.findIndex((message) => message.type === type);
      const found = this.heard[at];
      if (found !== undefined) {
        this.heard.splice(0, at + 1);
        return found as Extract<HubMessage, { type: T }>;
      }
      if (performance.now() > until) throw new Error(`no ${type}, but ${JSON.stringify(this.heard)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Presence of somebody, once it is as wanted. */
  async presence(user: string, wanted: string): Promise<void> {
    for (;;) {
      const message = await this.next("presence");
      if (message.user === user && message.presence === wanted) return;
    }
  }

  close(): void {
    this.#socket.close(1001);
  }

  /** As when the network goes away. */
  cut(): void {
    this.#socket.terminate();
  }
}
