/** Netstrings, the framing of baresip's control connection: `5:hello,`. */
export function formatNetstring(text: string): string {
  return `${Buffer.byteLength(text)}:${text},`;
}

/** Cuts a stream into netstrings. */
export class NetstringReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): string[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const texts: string[] = [];
    for (;;) {
      const colon = this.#rest.indexOf(":");
      const length = Number(this.#rest.toString("latin1", 0, Math.max(colon, 0)));
      if (colon === -1 || this.#rest.length < colon + length + 2) return texts;
      texts.push(this.#rest.toString("utf8", colon + 1, colon + 1 + length));
      this.#rest = this.#rest.subarray(colon + length + 2);
    }
  }
}
