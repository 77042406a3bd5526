import type { SrtpProfileName } from "@portico/agw";

/** The two SRTP profiles of the figures: our name, the number of DTLS (RFC 5764, RFC 7714), octets of the salt. */
export const srtpProfiles = {
  cm: { name: "SRTP_AES128_CM_HMAC_SHA1_80", id: 1, salt: 14 },
  gcm: { name: "SRTP_AEAD_AES_128_GCM", id: 7, salt: 12 },
} as const satisfies Record<string, { name: SrtpProfileName; id: 1 | 7; salt: number }>;

export type ProfileKey = keyof typeof srtpProfiles;
