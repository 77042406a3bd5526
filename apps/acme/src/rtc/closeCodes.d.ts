/** WebSocket close codes of `/rtc` (RFC 6455 §7.4.2: 4000-4999 are free for use). */
/** The web session is over; do not come back without signing in. */
export declare const closedSignedOut = 4401;
/** Sent too much, too fast, or nonsense. */
export declare const closedAbuse = 4429;
//# sourceMappingURL=closeCodes.d.ts.map
