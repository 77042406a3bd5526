/** A session description (RFC 8866). All text is decoded; attributes keep their order. */
export interface SessionDescription {
  origin: Origin;
  /** The s= line; "-" where none is meant. */
  name: string;
  connection?: Connection;
  bandwidths: Bandwidth[];
  /** The first t= line, mostly "0 0". */
  timing: string;
  attributes: Attribute[];
  media: MediaDescription[];
  /** Lines without a field here (i, u, e, p, r, z, k, further t and c), in order. */
  otherLines?: Line[];
}

/** One m= section. A port of 0 refuses or removes the medium (RFC 3264 §6, §8.2). */
export interface MediaDescription {
  /** "audio", "video", "application", "message", "text" … as written. */
  type: string;
  /** 0 to 65535 */
  port: number;
  portCount?: number;
  /** As written, for example "UDP/TLS/RTP/SAVPF". */
  protocol: string;
  formats: string[];
  /** The i= line. */
  title?: string;
  connection?: Connection;
  bandwidths: Bandwidth[];
  attributes: Attribute[];
  /** Lines without a field here (k, further c), in order. */
  otherLines?: Line[];
}

/**
 * The o= line: who made the session, and which version of it this is (RFC 8866 §5.2).
 *
 * @example
 * const newer = (origin: Origin): Origin => ({
 *   ...origin,
 *   sessionVersion: String(BigInt(origin.sessionVersion) + 1n),
 * });
 */
export interface Origin {
  username: string;
  /** Decimal digits; too long for a number. */
  sessionId: string;
  sessionVersion: string;
  addressType: AddressType;
  address: string;
}

/** A c= line (RFC 8866 §5.7). */
export interface Connection {
  addressType: AddressType;
  /** As written: a multicast address keeps its "/ttl". */
  address: string;
}

/** A b= line (RFC 8866 §5.8). */
export interface Bandwidth {
  /** "AS", "TIAS", "RS", "RR", "CT" … */
  type: string;
  /** kbit/s for AS and CT, bit/s for TIAS, RS and RR. */
  value: number;
}

/** An a= line (RFC 8866 §5.13). */
export interface Attribute {
  name: string;
  /** Absent for a property attribute such as a=sendrecv. */
  value?: string;
}

/**
 * A line that has no field of its own: one letter and what stands behind its "=".
 *
 * @example
 * const key: Line = { type: "k", value: "prompt" };
 */
export interface Line {
  type: string;
  value: string;
}

/**
 * Internet addresses of version 4 or 6; no other network is known.
 *
 * @example
 * const typeOf = (address: string): AddressType => (address.includes(":") ? "IP6" : "IP4");
 */
export type AddressType = "IP4" | "IP6";

/** What holds attributes: the session or one of its media. */
export interface AttributeOwner {
  attributes: readonly Attribute[];
}

/**
 * The value of the first attribute of that name: "" for a property attribute, undefined where there is none.
 *
 * @example
 * ```ts
 * const audio = { attributes: [{ name: "rtcp-mux" }, { name: "ptime", value: "20" }] };
 * getAttribute(audio, "ptime"); // "20"
 * getAttribute(audio, "rtcp-mux"); // ""
 * getAttribute(audio, "crypto"); // undefined
 * ```
 */
export function getAttribute(owner: AttributeOwner, name: string): string | undefined {
  for (const attribute of owner.attributes) if (attribute.name === name) return attribute.value ?? "";
  return undefined;
}

/**
 * The values of all attributes of that name, in order.
 *
 * @example
 * ```ts
 * const audio = { attributes: [{ name: "ssrc", value: "1 cname:a" }, { name: "ssrc", value: "2 cname:a" }] };
 * getAttributes(audio, "ssrc"); // ["1 cname:a", "2 cname:a"]
 * ```
 */
export function getAttributes(owner: AttributeOwner, name: string): string[] {
  const values: string[] = [];
  for (const attribute of owner.attributes) if (attribute.name === name) values.push(attribute.value ?? "");
  return values;
}

/**
 * The address media goes to: that of the media section, else that of the session (RFC 8866 §5.7).
 *
 * @example
 * ```ts
 * const session = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n");
 * for (const media of session.media) addressOf(session, media)?.address; // "192.0.2.1"
 * ```
 */
export function addressOf(session: SessionDescription, media: MediaDescription): Connection | undefined {
  return media.connection ?? session.connection;
}
