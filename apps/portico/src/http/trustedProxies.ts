import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** Most hops of X-Forwarded-For that are looked at. */
const mostHops = 32;

/** The proxies that are believed when they say whom they speak for; all others speak for themselves. */
export class TrustedProxies {
  #list = new BlockList();

  /** @param networks addresses, or networks in CIDR notation, that were checked before. */
  constructor(networks: readonly string[]) {
    this.replace(networks);
  }

  /** Believes these, and no others, from now on. */
  replace(networks: readonly string[]): void {
    this.#list = new BlockList();
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  trusts(address: string): boolean {
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && this.#list.check(plain, family === 6 ? "ipv6" : "ipv4");
  }

  /**
   * The address a request comes from: that of its connection, or, where that is a trusted proxy, the last one of
   * X-Forwarded-For that is none. What stands before it may be anybody's invention.
   */
  clientOf(request: IncomingMessage): string {
    let address = plainAddress(request.socket.remoteAddress ?? "");
    const forwarded = request.headers["x-forwarded-for"];
    if (forwarded === undefined) return address;
    const hops = String(forwarded).split(",").slice(-mostHops);
    while (this.trusts(address)) {
      const before = plainAddress(hops.pop()?.trim() ?? "");
      if (isIP(before) === 0) break;
      address = before;
    }
    return address;
  }
}

/** An IPv4 address of a socket of both families without its prefix (RFC 4291 §2.5.5.2). */
const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");
