/** The network elements of the test network: one loopback address each, SIP on port 5060, Diameter on 3868. */
export const topology = {
  homeDomain: "ims.test",
  icscf: "127.0.10.2",
  /** A second I-CSCF, where a test wants one. */
  standbyIcscf: "127.0.10.7",
  scscf: "127.0.10.3",
  /** A second S-CSCF, where a test wants one. */
  reserveScscf: "127.0.10.8",
  hss: "127.0.10.4",
  /** Where the eP-CSCF of a portal under test is. */
  portal: "127.0.10.5",
  pcscf: "127.0.10.6",
  /** Where numbers go that nobody at home has registered: a gateway to the telephone network. */
  breakout: "127.0.10.9",
} as const;

/** Address of the n-th ordinary telephone, n from 0. */
export function telephoneAddress(index: number): string {
  return `127.0.10.${20 + index}`;
}
