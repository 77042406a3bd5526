import { createResponse, SipRequest } from "@portico/sip";
import { openSipEndpoint } from "@portico/transport";
import { onTestFinished } from "vitest";

/** An entry of a core that answers OPTIONS, and REGISTER as it is told. */
export interface TestCore {
  /** SIP URI of it. */
  readonly uri: string;
  readonly requests: SipRequest[];
  /** Status of the answer to a REGISTER. */
  register: number;
  /** Date header of its answers. */
  date: Date;
  close(): Promise<void>;
}

/** Opens it on a free port; closed after the test. */
export async function openTestCore(): Promise<TestCore> {
  const endpoint = await openSipEndpoint({
    address: "127.0.0.1",
    port: 0,
    onMessage: (message, hop) => {
      if (!(message instanceof SipRequest)) return;
      core.requests.push(message);
      const response = createResponse(message, message.method === "REGISTER" ? core.register : 200);
      response.set("Date", core.date.toUTCString());
      hop.send(response.toOctets());
    },
  });
  const core: TestCore = {
    uri: `sip:127.0.0.1:${endpoint.port};transport=tcp`,
    requests: [],
    register: 200,
    date: new Date(),
    close: () => endpoint.close(),
  };
  onTestFinished(() => endpoint.close());
  return core;
}
