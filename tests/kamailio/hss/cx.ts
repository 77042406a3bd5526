import { randomBytes } from "node:crypto";
import { AvpReader, avpNames, vendor3gpp, writeAvp } from "./avp.ts";
import { publicIdentities, userData, type Subscription } from "./subscription.ts";

/** Server-Assignment-Type (TS 29.229 §6.3.15), the values that a CSCF of the tests sends. */
const assignments = new Map([
  [0, "no-assignment"],
  [1, "registration"],
  [2, "re-registration"],
  [3, "unregistered-user"],
  [4, "timeout-deregistration"],
  [5, "user-deregistration"],
  [8, "administrative-deregistration"],
  [11, "deregistration-too-much-data"],
] as const);

/** One Cx procedure as the HSS saw it. */
export interface CxProcedure {
  readonly name: "UAR" | "SAR" | "LIR" | "MAR" | "RTR";
  readonly impi: string | undefined;
  readonly impu: string | undefined;
  /** Of a SAR. */
  readonly assignment?: string;
  /** Result-Code or Experimental-Result-Code, for example 2001 or 5001. */
  readonly result: number;
}

/** Which S-CSCF serves an identity. */
export interface Assignment {
  /** SIP URI of the S-CSCF. */
  readonly server: string;
  /** Its Diameter identity. */
  readonly peer: string;
  readonly subscription: Subscription;
}

/** Command codes (TS 29.229 §6.1). */
const names = new Map([
  [300, "UAR"],
  [301, "SAR"],
  [302, "LIR"],
  [303, "MAR"],
] as const);
type Request = "UAR" | "SAR" | "LIR" | "MAR";

/** Result codes (TS 29.229 §6.2). */
const success = 2001;
const firstRegistration = 2001;
const subsequentRegistration = 2002;
const userUnknown = 5001;
const identitiesDontMatch = 5002;
const identityNotRegistered = 5003;
const schemeNotSupported = 5006;
const unableToComply = 5012;

const deregistration = 1;

interface Answer {
  readonly result: number;
  readonly experimental?: boolean;
  readonly avps?: readonly Buffer[];
}

/** The Cx procedures of an HSS (TS 29.228 §6) over a fixed list of subscriptions. */
export class Cx {
  readonly log: CxProcedure[] = [];
  readonly #homeDomain: string;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #assigned = new Map<string, Assignment>();

  constructor(homeDomain: string, subscriptions: readonly Subscription[]) {
    this.#homeDomain = homeDomain;
    for (const subscription of subscriptions) {
      for (const identity of publicIdentities(subscription, homeDomain))
        this.#subscriptions.set(identity, subscription);
    }
  }

  assignment(impu: string): Assignment | undefined {
    return this.#assigned.get(impu);
  }

  /** Forgets the S-CSCF of a whole implicit registration set. */
  release(subscription: Subscription): void {
    for (const identity of publicIdentities(subscription, this.#homeDomain)) this.#assigned.delete(identity);
  }

  /**
   * Answers a request: result and procedure AVPs, or undefined for a command that is none of Cx.
   * @param peer Diameter identity of the CSCF.
   */
  answer(command: number, request: AvpReader, peer: string): Buffer[] | undefined {
    const name = names.get(command as 300);
    if (name === undefined) return undefined;
    const impi = request.text(avpNames.userName);
    const impu = request.text(avpNames.publicIdentity);
    const { result, experimental = false, avps = [] } = this.#procedure(name, request, { impi, impu, peer });
    const assignment = assignments.get(request.number(avpNames.serverAssignmentType) as 0);
    this.log.push({ name, impi, impu, result, ...(assignment === undefined ? {} : { assignment }) });
    return [experimental ? experimentalResult(result) : writeAvp(avpNames.resultCode, result), ...avps];
  }

  #procedure(
    name: Request,
    request: AvpReader,
    { impi, impu = "", peer }: { impi: string | undefined; impu: string | undefined; peer: string },
  ): Answer {
    const subscription = this.#subscriptions.get(impu);
    if (subscription === undefined) return { result: userUnknown, experimental: true };
    // TS 29.228 §6.1.1.1: private and public identity must belong together.
    if (impi !== undefined && impi !== subscription.impi) return { result: identitiesDontMatch, experimental: true };
    switch (name) {
      case "UAR":
        return this.#userAuthorization(impu, request);
      case "LIR":
        return this.#locationInfo(impu);
      case "MAR":
        return multimediaAuth(subscription, impu);
      case "SAR":
        return this.#serverAssignment(subscription, request, peer);
      default:
        throw new RangeError(`no procedure ${String(name satisfies never)}`);
    }
  }

  #userAuthorization(impu: string, request: AvpReader): Answer {
    const assigned = this.#assigned.get(impu);
    const leaving = request.number(avpNames.userAuthorizationType) === deregistration;
    if (assigned !== undefined) {
      const avps = [writeAvp(avpNames.serverName, assigned.server)];
      return leaving ? { result: success, avps } : { result: subsequentRegistration, experimental: true, avps };
    }
    if (leaving) return { result: identityNotRegistered, experimental: true };
    const capabilities = writeAvp(avpNames.serverCapabilities, [writeAvp(avpNames.mandatoryCapability, 0)]);
    return { result: firstRegistration, experimental: true, avps: [capabilities] };
  }

  #locationInfo(impu: string): Answer {
    const assigned = this.#assigned.get(impu);
    return assigned === undefined
      ? { result: identityNotRegistered, experimental: true }
      : { result: success, avps: [writeAvp(avpNames.serverName, assigned.server)] };
  }

  #serverAssignment(subscription: Subscription, request: AvpReader, peer: string): Answer {
    if (subscription.unassignable === true) return { result: unableToComply };
    const type = request.number(avpNames.serverAssignmentType) ?? 0;
    const avps = [writeAvp(avpNames.userName, subscription.impi)];
    if (type >= 1 && type <= 3) {
      const server = request.text(avpNames.serverName) ?? "";
      for (const identity of publicIdentities(subscription, this.#homeDomain)) {
        this.#assigned.set(identity, { server, peer, subscription });
      }
      const known = type === 2 && request.number(avpNames.userDataAlreadyAvailable) === 1;
      if (!known) avps.push(writeAvp(avpNames.userData, userData(subscription, this.#homeDomain)));
    } else if (type > 3) {
      this.release(subscription);
    }
    return { result: success, avps };
  }
}

function experimentalResult(code: number): Buffer {
  return writeAvp(avpNames.experimentalResult, [
    writeAvp(avpNames.vendorId, vendor3gpp),
    writeAvp(avpNames.experimentalResultCode, code),
  ]);
}

/** Kamailio's scheme "MD5" takes the password itself in SIP-Authorization, and the nonce in SIP-Authenticate. */
function multimediaAuth({ impi, password }: Subscription, impu: string): Answer {
  if (password === undefined) return { result: schemeNotSupported, experimental: true };
  const item = writeAvp(avpNames.authDataItem, [
    writeAvp(avpNames.itemNumber, 1),
    writeAvp(avpNames.authenticationScheme, "Digest-MD5"),
    writeAvp(avpNames.authenticate, randomBytes(16)),
    writeAvp(avpNames.authorization, password),
  ]);
  return {
    result: success,
    avps: [
      writeAvp(avpNames.userName, impi),
      writeAvp(avpNames.publicIdentity, impu),
      writeAvp(avpNames.numberAuthItems, 1),
      item,
    ],
  };
}
