import { connect } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { Listener } from "../src/http/listener.ts";
import { newFolder } from "./support/command.ts";
import { KeptLog, writeCertificate } from "./support/portal.ts";

test("a client that offers HTTP/1.1 among others is told so, one without ALPN is taken, one that speaks nothing of it is not", async () => {
  const listener = await Listener.open({
    address: "127.0.0.1",
    port: 0,
    tls: writeCertificate(newFolder(), "portal"),
    log: new KeptLog(),
  });
  onTestFinished(() => listener.close());
  const told = (offered?: string[]): Promise<string> =>
    new Promise((resolve) => {
      const offer = offered === undefined ? {} : { ALPNProtocols: offered };
      const socket = connect({ host: "127.0.0.1", port: listener.port, rejectUnauthorized: false, ...offer });
      const over = (answer: string): void => {
        socket.destroy();
        resolve(answer);
      };
      socket.once("secureConnect", () => over(String(socket.alpnProtocol)));
      socket.once("error", (error) => over("code" in error ? String(error.code) : "error"));
    });
  expect([await told(["h2", "http/1.1"]), await told(), await told(["h2"])]).toEqual([
    "http/1.1",
    "false",
    "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  ]);
});
