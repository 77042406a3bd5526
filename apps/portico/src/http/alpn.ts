/**
 * What an HTTPS server answers to ALPN (RFC 7301): HTTP/1.1, or nothing that both speak, which ends the handshake.
 *
 * A function, not Node's list: of a list each connection gets a copy, ten octets in a block of 64 kB that it shares with what is
 * soon gone, and so keeps.
 */
export const alpn = {
  ALPNCallback: ({ protocols }: { protocols: string[] }): string | undefined =>
    protocols.includes("http/1.1") ? "http/1.1" : undefined,
};
