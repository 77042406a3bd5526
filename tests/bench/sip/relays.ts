import { createRequire } from "node:module";
import { parseMessage, type SipRequest } from "@portico/sip";

/** Takes a request as it came from a socket; gives back what goes to the next hop. */
export type Relay = (request: Buffer) => string;

// These two come without types of their insides.
const require = createRequire(import.meta.url);
const via = "SIP/2.0/TCP 192.0.2.7:5060;branch=z9hG4bK9c0d1e2f3a4b";

/** What is done to the message; those that only parse belong to user agents, which never pass a message on. */
export const relays = {
  portico: { title: "Portico", load: async () => portico },
  drachtio: { title: "drachtio-srf 5.0.29", load: async () => drachtio() },
  kirm: { title: "sip 0.0.6", load: async () => kirm() },
  jssip: { title: "jssip 3.13.8 (parse only)", load: async () => jssip() },
  sipjs: { title: "sip.js 0.21.2 (parse only)", load: async () => await sipjs() },
} satisfies Record<string, { title: string; load: () => Promise<Relay> }>;

export type RelayName = keyof typeof relays;

/** Parse, read what tells the dialog, edit the route (Via on, Route off, Max-Forwards down), serialise. */
function portico(bytes: Buffer): string {
  const request = parseMessage(bytes.toString("latin1")) as SipRequest;
  const { callId, fromTag, toTag, cseq } = request;
  known(callId, fromTag, toTag, cseq.method, request.get("Via"));
  request.prepend("Via", via);
  request.removeFirst("Route");
  request.set("Max-Forwards", String(Number(request.get("Max-Forwards")) - 1));
  return request.toOctets();
}

interface DrachtioMessage {
  readonly headers: Record<string, string>;
  get(name: string): string;
  getParsedHeader(
    name: string,
  ): { params: { tag?: string }; method: string }[] & { params: { tag?: string }; method: string };
  toString(): string;
}

/** The same job with drachtio's message class, in its own terms: it keeps the values of one name as one text. */
function drachtio(): Relay {
  const Message = require("drachtio-srf/lib/sip-parser/message.js") as new (text: string) => DrachtioMessage;
  return (bytes) => {
    const message = new Message(bytes.toString());
    const { headers } = message;
    const { params: from } = message.getParsedHeader("from");
    const { params: to } = message.getParsedHeader("to");
    known(message.get("call-id"), from.tag, to.tag, message.getParsedHeader("cseq").method, headers["via"]);
    headers["via"] = `${via}, ${headers["via"]}`;
    const { route = "" } = headers;
    const [, ...rest] = route.split(",");
    if (rest.length === 0) delete headers["route"];
    else headers["route"] = rest.join(",");
    headers["max-forwards"] = String(Number(headers["max-forwards"]) - 1);
    return message.toString();
  };
}

interface KirmMessage {
  readonly method: string;
  readonly headers: Record<string, string> & {
    readonly "call-id": string;
    readonly from: { readonly params: { readonly tag?: string } };
    readonly to: { readonly params: { readonly tag?: string } };
    readonly cseq: { readonly method: string };
    readonly via: { readonly host: string }[];
    route?: object[];
  };
}

/** The same job with the `sip` package: it parses the headers it knows to objects, and writes all anew. */
function kirm(): Relay {
  const { parse, stringify } = require("sip") as {
    parse: (text: string) => KirmMessage;
    stringify: (message: KirmMessage) => string;
  };
  const added = {
    version: "2.0",
    protocol: "TCP",
    host: "192.0.2.7",
    port: 5060,
    params: { branch: "z9hG4bK9c0d1e2f3a4b" },
  };
  return (bytes) => {
    const message = parse(bytes.toString("latin1"));
    const { headers } = message;
    known(
      headers["call-id"],
      headers.from.params.tag,
      headers.to.params.tag,
      headers.cseq.method,
      headers.via[0]?.host,
    );
    headers.via.unshift(added);
    headers.route?.shift();
    if (headers.route?.length === 0) delete headers.route;
    headers["max-forwards"] = String(Number(headers["max-forwards"]) - 1);
    return stringify(message);
  };
}

/** Parses every well-known header with a grammar; its message gives back the text it came from. */
function jssip(): Relay {
  const { parseMessage: parse } = require("jssip/lib/Parser.js") as {
    parseMessage: (text: string, userAgent: object) => { call_id: string; from_tag: string; data: string };
  };
  return (bytes) => {
    const message = parse(bytes.toString(), {});
    known(message.call_id, message.from_tag);
    return message.data;
  };
}

/** As jssip, whose sibling it is. */
async function sipjs(): Promise<Relay> {
  const { Parser } = await import("sip.js/lib/core/messages/parser.js");
  const logger = { error: refuse, warn: refuse } as unknown as Parameters<typeof Parser.parseMessage>[1];
  return (bytes) => {
    const message = Parser.parseMessage(bytes.toString(), logger);
    known(message?.callId, message?.fromTag);
    return message?.data ?? "";
  };
}

/** What was read is used, so that no compiler can leave the reading out; the first two no request lacks. */
function known(callId: string | undefined, fromTag: string | undefined, ...more: (string | undefined)[]): void {
  if (!callId || !fromTag || more.includes("")) throw new Error("the message was not understood");
}

function refuse(text: string): never {
  throw new Error(text);
}
