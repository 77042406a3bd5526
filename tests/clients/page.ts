import { JsSipClient } from "./jssip.ts";
import { SipJsClient } from "./sipjs.ts";
import type { ClientSetting, StockClient } from "./client.ts";

declare global {
  interface Window {
    /** The client of the page, for the test to use. */
    client: StockClient;
    openClient(name: "JsSIP" | "SIP.js", setting: ClientSetting): void;
  }
}

window.openClient = (name, setting) => {
  window.client = name === "JsSIP" ? new JsSipClient(setting) : new SipJsClient(setting);
  window.client.start();
};
