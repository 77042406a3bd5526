/** What examples take for granted, so that they show one thing: declared for all of them, unless one declares its own. */
const names: Readonly<Record<string, string>> = {
  clock: 'import("@portico/sip/testing").VirtualClock',
  wire: 'import("@portico/sip/testing").Wire',
  random: 'import("@portico/sip").Random',
  resolver: 'import("@portico/sip").Resolver',
  hop: 'import("@portico/sip").Hop',
  hopTo: '(target: import("@portico/sip").Target) => import("@portico/sip").Hop',
  ua: 'import("@portico/sip").UserAgent',
  alice: 'import("@portico/sip").UserAgent',
  bob: 'import("@portico/sip").UserAgent',
  request: 'import("@portico/sip").SipRequest',
  invite: 'import("@portico/sip").SipRequest',
  subscribe: 'import("@portico/sip").SipRequest',
  notify: 'import("@portico/sip").SipRequest',
  response: 'import("@portico/sip").SipResponse',
  accepted: 'import("@portico/sip").SipResponse',
  call: 'import("@portico/sip").InviteUsage',
  events: 'import("@portico/sip").InviteEvents',
  lastOffer: 'import("@portico/sip").Body',
  datagram: "Uint8Array",
  impu: "string",
  sdp: "string",
};

/** Their declarations, as a global source file. */
export const scenery: string = Object.entries(names)
  .map(([name, type]) => `declare const ${name}: ${type};\n`)
  .join("");
