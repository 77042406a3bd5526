/** Vendor of the Cx AVPs: 3GPP. */
export const vendor3gpp = 10_415;
/** Application id of Cx/Dx (TS 29.229 §5.6). */
export const cxApplication = 16_777_216;

interface AvpName {
  readonly code: number;
  readonly vendor: number;
}

const base = (code: number): AvpName => ({ code, vendor: 0 });
const cx = (code: number): AvpName => ({ code, vendor: vendor3gpp });

/** AVPs of RFC 6733 §4.5 and TS 29.229 §6.3 that this HSS reads or writes. */
export const avpNames = {
  userName: base(1),
  hostIpAddress: base(257),
  authApplicationId: base(258),
  vendorSpecificApplicationId: base(260),
  sessionId: base(263),
  originHost: base(264),
  supportedVendorId: base(265),
  vendorId: base(266),
  resultCode: base(268),
  productName: base(269),
  authSessionState: base(277),
  destinationRealm: base(283),
  destinationHost: base(293),
  originRealm: base(296),
  experimentalResult: base(297),
  experimentalResultCode: base(298),
  publicIdentity: cx(601),
  serverName: cx(602),
  serverCapabilities: cx(603),
  mandatoryCapability: cx(604),
  userData: cx(606),
  numberAuthItems: cx(607),
  authenticationScheme: cx(608),
  authenticate: cx(609),
  authorization: cx(610),
  authDataItem: cx(612),
  itemNumber: cx(613),
  serverAssignmentType: cx(614),
  deregistrationReason: cx(615),
  reasonCode: cx(616),
  reasonInfo: cx(617),
  userAuthorizationType: cx(623),
  userDataAlreadyAvailable: cx(624),
} as const satisfies Record<string, AvpName>;

/** A value to write: octets, text, Unsigned32, or a group of written AVPs. */
type AvpValue = Buffer | string | number | readonly Buffer[];

function octetsOf(value: AvpValue): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  if (typeof value !== "number") return Buffer.isBuffer(value) ? value : Buffer.concat(value);
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** One AVP with the mandatory bit, padded to four octets (RFC 6733 §4.1). */
export function writeAvp({ code, vendor }: AvpName, value: AvpValue): Buffer {
  const data = octetsOf(value);
  const header = vendor === 0 ? 8 : 12;
  const length = header + data.length;
  const octets = Buffer.alloc(Math.ceil(length / 4) * 4);
  octets.writeUInt32BE(code, 0);
  octets.writeUInt8(vendor === 0 ? 0x40 : 0xc0, 4);
  octets.writeUIntBE(length, 5, 3);
  if (vendor !== 0) octets.writeUInt32BE(vendor, 8);
  data.copy(octets, header);
  return octets;
}

/** The AVPs of a message or of a grouped AVP. */
export class AvpReader {
  readonly #avps: { readonly code: number; readonly vendor: number; readonly data: Buffer }[] = [];

  /** @throws RangeError when a length does not fit. */
  constructor(octets: Buffer) {
    for (let at = 0; at < octets.length;) {
      const vendored = (octets.readUInt8(at + 4) & 0x80) !== 0;
      const header = vendored ? 12 : 8;
      const length = octets.readUIntBE(at + 5, 3);
      if (length < header || at + length > octets.length) throw new RangeError("AVP length does not fit");
      this.#avps.push({
        code: octets.readUInt32BE(at),
        vendor: vendored ? octets.readUInt32BE(at + 8) : 0,
        data: octets.subarray(at + header, at + length),
      });
      at += Math.ceil(length / 4) * 4;
    }
  }

  octets(name: AvpName): Buffer | undefined {
    return this.#avps.find(({ code, vendor }) => code === name.code && vendor === name.vendor)?.data;
  }

  text(name: AvpName): string | undefined {
    return this.octets(name)?.toString();
  }

  number(name: AvpName): number | undefined {
    return this.octets(name)?.readUInt32BE(0);
  }
}
