import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

const endOfHead = "\r\n\r\n";
/** Header fields of a request that its answer repeats. */
const repeated = ["Via:", "From:", "Call-ID:", "CSeq:"];
/** Those of a binding, which a REGISTER's answer repeats, too. */
const bound = ["Path:", "Contact:"];

/**
 * A home network that grants every REGISTER and SUBSCRIBE at once, at the least cost there can be: it copies lines and
 * parses nothing. Requests with a body do not come.
 */
export class OctetRegistrar {
  readonly #udp: DatagramSocket;
  readonly #tcp: Server;
  readonly #sockets = new Set<Socket>();
  /** REGISTERs since the start. */
  registers = 0;

  private constructor(tcp: Server, udp: DatagramSocket) {
    this.#tcp = tcp;
    this.#udp = udp;
    udp.on("message", (datagram, from) => {
      udp.send(Buffer.from(this.#answer(datagram.toString("latin1")), "latin1"), from.port, from.address);
    });
    tcp.on("connection", (socket) => this.#connected(socket));
  }

  static async open(): Promise<OctetRegistrar> {
    const tcp = createServer({ noDelay: true }).listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const registrar = new OctetRegistrar(tcp, createSocket({ type: "udp4", recvBufferSize: 1 << 20 }));
    registrar.#udp.bind(registrar.port, "127.0.0.1");
    await once(registrar.#udp, "listening");
    return registrar;
  }

  get port(): number {
    const address = this.#tcp.address();
    if (address === null || typeof address === "string") throw new Error("an IP port was asked for");
    return address.port;
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    let held = "";
    this.#sockets.add(socket);
    socket.setEncoding("latin1");
    socket.on("error", () => undefined);
    socket.on("data", (octets: string) => {
      held += octets;
      let answers = "";
      let at = 0;
      for (let end = held.indexOf(endOfHead); end >= 0; end = held.indexOf(endOfHead, at)) {
        answers += this.#answer(held.slice(at, end + 2));
        at = end + endOfHead.length;
      }
      held = held.slice(at);
      if (answers !== "") socket.write(answers, "latin1");
    });
  }

  /** @param request its head, each line with its end. */
  #answer(request: string): string {
    const binding = request.startsWith("REGISTER");
    if (binding) this.registers += 1;
    const names = binding ? [...repeated, ...bound] : repeated;
    let answer = "SIP/2.0 200 OK\r\n";
    let identity = "";
    for (let at = request.indexOf("\n") + 1; at > 0 && at < request.length;) {
      const next = request.indexOf("\n", at) + 1;
      if (request.startsWith("To:", at)) {
        identity = request.slice(request.indexOf("<", at), request.indexOf(">", at) + 1);
        answer += `To: ${identity};tag=r1\r\n`;
      } else if (names.some((name) => request.startsWith(name, at))) answer += request.slice(at, next);
      at = next;
    }
    const here = `<sip:127.0.0.1:${this.port};lr>`;
    answer += binding
      ? `Service-Route: ${here}\r\nP-Associated-URI: ${identity}\r\nRequire: outbound\r\n`
      : `Contact: ${here}\r\n`;
    return `${answer}Expires: 600\r\nContent-Length: 0${endOfHead}`;
  }
}
