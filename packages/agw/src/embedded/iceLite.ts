import { randomBytes } from "node:crypto";
import type { CheckOrigin, Path, PathOwner } from "./accessPorts.ts";
import {
  errorCode,
  hasIntegrity,
  stunAttributes,
  stunTypes,
  unknownAttributes,
  writeStun,
  xorMappedAddress,
  type StunMessage,
} from "./stun.ts";

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

/** More addresses of one browser than this are not remembered. */
const maxPaths = 16;

/** How long after the first nomination the priority, not the order, decides between several. */
const aggressiveMs = 2000;

/** 8 and 24 characters of ice-char: 48 and 144 random bits (RFC 8839 §5.4 wants 24 and 128). */
export function createCredentials(): IceCredentials {
  return { ufrag: randomBytes(6).toString("base64"), pwd: randomBytes(18).toString("base64") };
}

interface CheckedPath {
  readonly path: Path;
  priority: number;
}

/**
 * The controlled, lite end of ICE (RFC 8445 §2.5): it answers checks, remembers whence valid ones came, and lets the
 * browser choose. Wrong credentials get no answer at all.
 */
export class IceLite {
  readonly #owner: PathOwner;
  #local: IceCredentials = createCredentials();
  /** Before an ICE restart; good until the browser nominates by the new ones. */
  #former: IceCredentials | undefined;
  #remoteUfrag: string | undefined;
  #formerRemoteUfrag: string | undefined;
  #paths: CheckedPath[] = [];
  #nominated: CheckedPath | undefined;
  #firstNominationAt = 0;

  constructor(owner: PathOwner) {
    this.#owner = owner;
  }

  get local(): IceCredentials {
    return this.#local;
  }

  /** Every local ufrag that checks may carry now. */
  get ufrags(): string[] {
    return this.#former ? [this.#local.ufrag, this.#former.ufrag] : [this.#local.ufrag];
  }

  /** Where media and DTLS go to. */
  get nominated(): Path | undefined {
    return this.#nominated?.path;
  }

  /** From now on checks must name this remote ufrag. */
  setRemote(ufrag: string): void {
    this.#remoteUfrag = ufrag;
  }

  /** RFC 8445 §9: new credentials; the old pair serves until a new one is nominated, unless it is to be forgotten. */
  restart(remoteUfrag: string, keepPair: boolean): void {
    this.#former = keepPair ? this.#local : undefined;
    this.#formerRemoteUfrag = keepPair ? this.#remoteUfrag : undefined;
    this.#local = createCredentials();
    this.#remoteUfrag = remoteUfrag;
    if (!keepPair) this.close();
  }

  /**
   * Answers a check.
   * @returns "nominated" when the pair to use has changed, "checked" when it was valid otherwise, undefined when it was not
   */
  answer(message: StunMessage, origin: CheckOrigin, now: number): "nominated" | "checked" | undefined {
    const credentials = this.#credentialsFor(message);
    if (!credentials) return undefined;
    if (message.type === stunTypes.bindingIndication) return "checked";
    const { transaction } = message;
    const unknown = unknownAttributes(message);
    if (unknown.length > 0) {
      const list = Buffer.alloc(2 * unknown.length);
      for (const [index, type] of unknown.entries()) list.writeUInt16BE(type, 2 * index);
      const attributes: [number, Buffer][] = [
        [stunAttributes.errorCode, errorCode(420, "Unknown Attribute")],
        [stunAttributes.unknownAttributes, list],
      ];
      origin.reply(writeStun(stunTypes.bindingError, transaction, attributes, credentials.pwd));
      return undefined;
    }
    const checked = this.#remember(message, origin);
    if (!checked) return undefined;
    const mapped = xorMappedAddress(origin.address, origin.port, transaction);
    const attributes: [number, Buffer][] = [[stunAttributes.xorMappedAddress, mapped]];
    origin.reply(writeStun(stunTypes.bindingSuccess, transaction, attributes, credentials.pwd));
    if (!message.attributes.has(stunAttributes.useCandidate)) return "checked";
    return this.#nominate(checked, credentials, now) ? "nominated" : "checked";
  }

  /** The path is another context's now. */
  forget(path: Path): void {
    this.#paths = this.#paths.filter((checked) => checked.path !== path);
    if (this.#nominated?.path === path) this.#nominated = undefined;
  }

  /** Forgets every pair. */
  close(): void {
    for (const { path } of this.#paths) path.release();
    this.#paths = [];
    this.#nominated = undefined;
  }

  /** RFC 8445 §7.3: USERNAME is our ufrag, a colon, the browser's; the password is ours. */
  #credentialsFor(message: StunMessage): IceCredentials | undefined {
    if (message.type !== stunTypes.bindingRequest && message.type !== stunTypes.bindingIndication) return undefined;
    const [ufrag, remote] = message.attributes.get(stunAttributes.username)?.toString("latin1").split(":") ?? [];
    const isFormer = this.#former !== undefined && ufrag === this.#former.ufrag;
    const credentials = isFormer ? this.#former : ufrag === this.#local.ufrag ? this.#local : undefined;
    const expected = isFormer ? this.#formerRemoteUfrag : this.#remoteUfrag;
    if (!credentials || (expected !== undefined && remote !== expected)) return undefined;
    return hasIntegrity(message, credentials.pwd) ? credentials : undefined;
  }

  #remember(message: StunMessage, origin: CheckOrigin): CheckedPath | undefined {
    const path = origin.claim(this.#owner);
    if (!path) return undefined;
    const given = message.attributes.get(stunAttributes.priority);
    const priority = given?.length === 4 ? given.readUInt32BE() : 0;
    const known = this.#paths.find((checked) => checked.path === path);
    if (known) {
      known.priority = priority;
      return known;
    }
    const checked = { path, priority };
    this.#paths.push(checked);
    if (this.#paths.length > maxPaths) {
      const oldest = this.#paths.findIndex((other) => other !== this.#nominated && other !== checked);
      this.#paths.splice(oldest, 1)[0]?.path.release();
    }
    return checked;
  }

  /** @returns whether another pair is in use now */
  #nominate(checked: CheckedPath, credentials: IceCredentials, now: number): boolean {
    if (credentials === this.#local && this.#former) {
      [this.#former, this.#formerRemoteUfrag] = [undefined, undefined];
      this.#firstNominationAt = now;
    } else if (credentials !== this.#local || checked === this.#nominated) {
      return false;
    } else if (!this.#nominated) {
      this.#firstNominationAt = now;
    } else if (now - this.#firstNominationAt < aggressiveMs && checked.priority <= this.#nominated.priority) {
      // RFC 5245 §8.1.1.2: a browser may nominate every pair at the start; the best of them counts. Later the last one does.
      return false;
    }
    const changed = checked !== this.#nominated;
    this.#nominated = checked;
    return changed;
  }
}
