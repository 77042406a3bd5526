import { createResponse, SipRequest } from "@portico/sip";
import { openSipEndpoint, type TlsCredentials } from "@portico/transport";
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

/** Opens it on a free port; closed after the test. @param tls its certificate; absent: its URI is that of TCP. */
export async function openTestCore({ tls }: { tls?: TlsCredentials } = {}): Promise<TestCore> {
  const endpoint = await openSipEndpoint({
    address: "127.0.0.1",
    port: 0,
    ...(tls === undefined ? {} : { tls: { port: 0, ...tls } }),
    onMessage: (message, hop) => {
      if (!(message instanceof SipRequest)) return;
      core.requests.push(message);
      const response = createResponse(message, message.method === "REGISTER" ? core.register : 200);
      response.set("Date", core.date.toUTCString());
      hop.send(response.toOctets());
    },
  });
  const core: TestCore = {
    uri: `sip:127.0.0.1:${tls === undefined ? `${endpoint.port};transport=tcp` : `${endpoint.tlsPort};transport=tls`}`,
    requests: [],
    register: 200,
    date: new Date(),
    close: () => endpoint.close(),
  };
  onTestFinished(() => endpoint.close());
  return core;
}
