import { UA, WebSocketInterface } from "jssip";
import type { ClientSetting, StockClient } from "./client.ts";

/** JsSIP as it comes. */
export class JsSipClient implements StockClient {
  failure: string | undefined;
  readonly #ua: UA;

  constructor({ url, impu, authorization }: ClientSetting) {
    this.#ua = new UA({
      sockets: [new WebSocketInterface(url)],
      uri: impu,
      registrar_server: "sip:ims.test",
      register_expires: 600,
      session_timers: false,
    });
    this.#ua.registrator().setExtraHeaders([`Authorization: ${authorization}`]);
    this.#ua.on("registrationFailed", ({ cause }: { cause?: string }) => (this.failure = cause ?? "unknown"));
  }

  start(): void {
    this.#ua.start();
  }

  call(target: string): Promise<"answered" | "failed"> {
    return new Promise((resolve) => {
      const session = this.#ua.call(target, {
        mediaConstraints: { audio: true, video: false },
        eventHandlers: {
          confirmed: () => {
            session.terminate();
            resolve("answered");
          },
          failed: () => resolve("failed"),
        },
      });
    });
  }

  stop(): Promise<void> {
    const left = new Promise<void>((resolve) => void this.#ua.on("unregistered", () => resolve()));
    this.#ua.unregister();
    return left;
  }
}
