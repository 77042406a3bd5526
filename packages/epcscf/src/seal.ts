import { createHmac, timingSafeEqual } from "node:crypto";

/** Octets of MAC kept: 96 bits. */
const macLength = 12;

/** Makes and checks values only this node can make (RFC 5626 §5.2): a name, then its MAC. */
export class Seal {
  readonly #key: Uint8Array;

  /** @param key at least 32 octets, kept secret by the node. */
  constructor(key: Uint8Array) {
    if (key.length < 32) throw new RangeError("a seal key has at least 32 octets");
    this.#key = key;
  }

  /** The name with its MAC; characters fit the user part of a SIP URI. @param purpose keeps uses apart. */
  seal(purpose: string, name: string): string {
    return `${name}.${this.#mac(purpose, name).toString("base64url")}`;
  }

  /** The name, or undefined when the value was not made here for this purpose. */
  open(purpose: string, sealed: string): string | undefined {
    const dot = sealed.lastIndexOf(".");
    if (dot <= 0) return undefined;
    const name = sealed.slice(0, dot);
    const mac = Buffer.from(sealed.slice(dot + 1), "base64url");
    return mac.length === macLength && timingSafeEqual(mac, this.#mac(purpose, name)) ? name : undefined;
  }

  /** A value derived from `name` that nobody else can predict, 26 characters. */
  derive(purpose: string, name: string): string {
    return createHmac("sha256", this.#key).update(`${purpose}\n${name}`).digest().toString("hex", 0, 13);
  }

  #mac(purpose: string, name: string): Buffer {
    return createHmac("sha256", this.#key).update(`${purpose}\n${name}`).digest().subarray(0, macLength);
  }
}
