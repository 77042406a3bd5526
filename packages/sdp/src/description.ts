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

export interface Origin {
  username: string;
  /** Decimal digits; too long for a number. */
  sessionId: string;
  sessionVersion: string;
  addressType: AddressType;
  address: string;
}

export interface Connection {
  addressType: AddressType;
  /** As written: a multicast address keeps its "/ttl". */
  address: string;
}

export interface Bandwidth {
  /** "AS", "TIAS", "RS", "RR", "CT" … */
  type: string;
  /** kbit/s for AS and CT, bit/s for TIAS, RS and RR. */
  value: number;
}

export interface Attribute {
  name: string;
  /** Absent for a property attribute such as a=sendrecv. */
  value?: string;
}

export interface Line {
  type: string;
  value: string;
}

export type AddressType = "IP4" | "IP6";

/** What holds attributes: the session or one of its media. */
export interface AttributeOwner {
  attributes: readonly Attribute[];
}

/** The value of the first attribute of that name: "" for a property attribute, undefined where there is none. */
export function getAttribute(owner: AttributeOwner, name: string): string | undefined {
  const found = owner.attributes.find((attribute) => attribute.name === name);
  return found && (found.value ?? "");
}

/** The values of all attributes of that name, in order. */
export function getAttributes(owner: AttributeOwner, name: string): string[] {
  const values: string[] = [];
  for (const attribute of owner.attributes) if (attribute.name === name) values.push(attribute.value ?? "");
  return values;
}

/** The address media goes to: that of the media section, else that of the session (RFC 8866 §5.7). */
export function addressOf(session: SessionDescription, media: MediaDescription): Connection | undefined {
  return media.connection ?? session.connection;
}

/** The identification tag of a media section (RFC 5888 §4). */
export function midOf(media: MediaDescription): string | undefined {
  return getAttribute(media, "mid");
}

/** The tags of the first BUNDLE group (RFC 9143 §4), or none. */
export function bundleOf(session: SessionDescription): string[] {
  for (const group of getAttributes(session, "group")) {
    const [semantics, ...mids] = group.split(" ").filter((part) => part !== "");
    if (semantics === "BUNDLE") return mids;
  }
  return [];
}
