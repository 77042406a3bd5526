import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import type { Log } from "@portico/epcscf";
import { createHttpsServer } from "./httpsServer.ts";
import { acceptProxyProtocol } from "./proxiedServer.ts";
import { contextOf, readTls, type TlsFiles, watchTls } from "./tlsFiles.ts";
import type { TrustedProxies } from "./trustedProxies.ts";

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  /** Given: every connection of these proxies begins with a PROXY protocol header. */
  readonly proxies?: TrustedProxies | undefined;
  readonly log: Log;
}

/** An HTTP or HTTPS server that listens before anybody can answer, so that its port is known. */
export class Listener {
  readonly server: Server;
  readonly port: number;
  readonly #log: Log;
  #stopWatching: () => void = () => undefined;
  #serve: RequestListener = notYet;

  private constructor(server: Server, log: Log) {
    this.server = server;
    this.#log = log;
    this.port = (server.address() as AddressInfo).port;
    server.on("request", (request, response) => this.#serve(request, response));
  }

  /** @throws ConfigError for certificate files; Error of the system when the address is not to be had. */
  static async open({ address, port, tls, proxies, log }: ListenerOptions): Promise<Listener> {
    const server =
      tls === undefined
        ? createServer(bounds)
        : createHttpsServer({ ...bounds, ...contextOf(readTls(tls)), ...asking });
    if (proxies !== undefined) {
      acceptProxyProtocol(server, proxies, (reason) => log.warn("proxy-protocol.refused", { reason }));
    }
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, () => {
        server.off("error", reject);
        resolve();
      });
    });
    const listener = new Listener(server, log);
    if (tls !== undefined) listener.#watch(tls);
    return listener;
  }

  /** Requests are answered from now on; before, they are told to come again. */
  serve(handler: RequestListener): void {
    this.#serve = handler;
  }

  /**
   * Whether clients are asked for a certificate from now on. None is refused for the one it shows, or for showing none:
   * what it proves is for the application to say.
   */
  askForCertificates(wanted: boolean): void {
    const server = this.server as TlsServer & { requestCert?: boolean };
    if (server.requestCert === undefined || server.requestCert === wanted) return;
    server.requestCert = wanted;
    // A session that is resumed is that of a client who was asked, or was not.
    server.setTicketKeys(randomBytes(48));
  }

  /** Takes its certificate from other files; connections that live stay as they are. @throws ConfigError */
  renewTls(tls: TlsFiles): void {
    (this.server as TlsServer).setSecureContext(contextOf(readTls(tls)));
    this.#stopWatching();
    this.#watch(tls);
  }

  /** Ends all its connections. */
  async close(): Promise<void> {
    this.#stopWatching();
    this.server.closeAllConnections();
    await promisify(this.server.close.bind(this.server))();
  }

  #watch(tls: TlsFiles): void {
    this.#stopWatching = watchTls(tls, this.server as TlsServer, this.#log);
  }
}

/** No client is refused for its certificate. */
const asking = { requestCert: false, rejectUnauthorized: false };
/** A request, headers and body, must have come within 15 s. */
const bounds = { requestTimeout: 15_000 };

/** Answers while the portal starts: browsers and web servers that knew the one before come back at once. */
function notYet(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { "Retry-After": "1", Connection: "close" }).end();
}
