/** MMTel, the IMS telephony service (TS 24.173). */
export const mmtel = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"';

/** The From of a caller who is not to be named (RFC 3323 §4.1.1.3, TS 23.003 §13.6). */
export const anonymous = "sip:anonymous@anonymous.invalid";
