import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Protocol } from "../edge.ts";

const endOfHead = "\r\n\r\n";
const emptyBody = `Content-Length: 0${endOfHead}`;
/** Header fields of a request that its answer repeats. */
const repeated = ["Via:", "From:", "Call-ID:", "CSeq:"];
/** Those of a binding, which a REGISTER's answer repeats, too. */
const bound = ["Path:", "Contact:"];

/**
 * A home network that grants every REGISTER and SUBSCRIBE at once, at the least cost there can be: it copies lines and
 * parses nothing. Messages with a body do not come.
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
      for (const message of this.#answer(datagram.toString("latin1"), "UDP")) {
        udp.send(Buffer.from(message, "latin1"), from.port, from.address);
      }
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
        answers += this.#answer(held.slice(at, end + 2), "TCP").join("");
        at = end + endOfHead.length;
      }
      held = held.slice(at);
      if (answers !== "") socket.write(answers, "latin1");
    });
  }

  /**
   * What there is to say to a message: to a SUBSCRIBE a NOTIFY as well, without the first of which it would not live; to an
   * answer nothing.
   * @param request its head, each line with its end
   */
  #answer(request: string, protocol: Protocol): string[] {
    if (request.startsWith("SIP/2.0")) return [];
    const binding = request.startsWith("REGISTER");
    if (binding) this.registers += 1;
    const names = binding ? [...repeated, ...bound] : repeated;
    let repeats = "";
    let identity = "";
    for (let at = request.indexOf("\n") + 1; at > 0 && at < request.length;) {
      const next = request.indexOf("\n", at) + 1;
      if (request.startsWith("To:", at)) {
        identity = request.slice(request.indexOf("<", at), request.indexOf(">", at) + 1);
        repeats += `To: ${identity};tag=r1\r\n`;
      } else if (names.some((name) => request.startsWith(name, at))) repeats += request.slice(at, next);
      at = next;
    }
    const here = `<sip:127.0.0.1:${this.port};lr>`;
    const told = binding
      ? `Service-Route: ${here}\r\nP-Associated-URI: ${identity}\r\nRequire: outbound\r\n`
      : `Contact: ${here}\r\n`;
    const answer = `SIP/2.0 200 OK\r\n${repeats}${told}Expires: 600\r\n${emptyBody}`;
    return binding ? [answer] : [answer, this.#notify(request, identity, protocol)];
  }

  #notify(subscribe: string, identity: string, protocol: Protocol): string {
    const valueOf = (name: string): string => {
      const from = subscribe.indexOf(`\n${name}: `) + name.length + 3;
      return subscribe.slice(from, subscribe.indexOf("\r", from));
    };
    const callId = valueOf("Call-ID");
    // Rises with each SUBSCRIBE of the dialog.
    const [cseq] = valueOf("CSeq").split(" ");
    return (
      `NOTIFY ${valueOf("Contact").slice(1, -1)} SIP/2.0\r\n` +
      `Via: SIP/2.0/${protocol} 127.0.0.1:${this.port};branch=z9hG4bKn${callId}.${cseq}\r\nMax-Forwards: 70\r\n` +
      `From: ${identity};tag=r1\r\nTo: ${valueOf("From")}\r\nCall-ID: ${callId}\r\nCSeq: ${cseq} NOTIFY\r\n` +
      `Contact: <sip:127.0.0.1:${this.port}>\r\nEvent: reg\r\nSubscription-State: active;expires=600\r\n${emptyBody}`
    );
  }
}
