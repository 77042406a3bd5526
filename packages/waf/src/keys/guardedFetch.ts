import { lookup as resolve } from "node:dns";
import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { isSafeUrl } from "../url.ts";

/** Signature of the global `fetch`, as far as keys are fetched with it. */
export type Fetch = (url: string, options?: { readonly signal?: AbortSignal }) => Promise<Response>;

/** Longest answer, octets: a JWK Set or a discovery document has some KiB. */
const maxOctets = 256 * 1024;
const timeoutMs = 5000;

/**
 * Fetches documents that a tenant names, without becoming its tool in the operator's network: https only, no redirect,
 * only public addresses, looked at when the connection is made, so that a name that changes its address later does not
 * pass; 5 s and 256 KiB at most.
 *
 * @param o.inside hosts that may have private addresses: identity providers in the operator's own network
 * @param o.loopback http and https on this machine are allowed, for a portal that is itself on localhost
 */
export function guardedFetch(o: { readonly inside?: readonly string[]; readonly loopback?: boolean } = {}): Fetch {
  const inside = new Set(o.inside);
  return async (text, { signal } = {}) => {
    const url = new URL(text);
    if (!isSafeUrl(text) || (url.protocol === "http:" && o.loopback !== true)) throw new Error("is not https");
    const host = url.hostname.replaceAll(/^\[|\]$/g, "");
    const trusted = inside.has(host) || (o.loopback === true && isLoopbackName(host));
    // Node asks no look-up function for an address.
    if (isIP(host) !== 0 && !trusted && isInner(host)) throw new Error("is no public address");
    const deadline = AbortSignal.timeout(timeoutMs);
    return await get(url, {
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      ...(trusted ? {} : { lookup: publicOnly }),
    });
  };
}

function get(url: URL, o: { signal: AbortSignal; lookup?: LookupFunction }): Promise<Response> {
  const send = url.protocol === "https:" ? secure : plain;
  return new Promise((done, fail) => {
    const request = send(url, { ...o, headers: { Accept: "application/json" }, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      let octets = 0;
      answer.on("data", (part: Buffer) => {
        octets += part.length;
        if (octets > maxOctets) request.destroy(new Error("answers with too much"));
        else parts.push(part);
      });
      answer.on("error", fail);
      answer.on("end", () => {
        const status = answer.statusCode ?? 502;
        // Response knows no body with these, and none of them is an answer here.
        if (status < 200 || status === 204 || status === 205 || status === 304) fail(new Error(`answers ${status}`));
        else done(new Response(Buffer.concat(parts), { status }));
      });
    });
    request.on("error", fail);
    request.end();
  });
}

const publicOnly: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, "", 0);
    const inner = addresses.some(({ address }) => isInner(address));
    const first = addresses[0];
    if (inner || first === undefined) return callback(new Error("is no public address"), "", 0);
    if (options.all === true) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};

const isLoopbackName = (host: string): boolean => ["localhost", "127.0.0.1", "::1"].includes(host);

/** What is not the public internet (IANA special-purpose registries), and what leads to IPv4 by way of IPv6. */
const inner = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  inner.addSubnet(net, bits, "ipv4");
}
for (const [net, bits] of [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 32],
  ["100::", 64],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  inner.addSubnet(net, bits, "ipv6");
}

function isInner(address: string): boolean {
  return inner.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
