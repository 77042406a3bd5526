/** A call as an operator sees it. */
export interface SessionView {
  readonly id: string;
  /** {@link RegistrationView.id} of its user. */
  readonly registration: string;
  readonly impu: string;
  readonly tenant: string;
  readonly clientId: string;
  /** Seen from the browser. */
  readonly direction: "outgoing" | "incoming";
  /** URI of the other party: dialled, or of the caller (`sip:anonymous@anonymous.invalid` where hidden). Personal data. */
  readonly remote: string;
  /** ICID of its charging vector (RFC 7315 §5.6). */
  readonly icid: string;
  readonly state: "setup" | "answered";
  /** Milliseconds since the epoch, as the next one. */
  readonly since: number;
  readonly answeredAt?: number;
}

/** Why and how a call ended. */
export interface SessionEnd {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who ended it: the browser, the far end or network, or this portal. */
  readonly by: "access" | "core" | "portal";
  /**
   * SIP status that says why: that of the refusal or of the Reason header (RFC 3326); 200 for a normal BYE, 487 for a
   * call that was given up.
   */
  readonly status: number;
  /** Words of this portal, where it ended the call. */
  readonly reason?: string;
}

/** When the legs of a call began, milliseconds since the epoch; one that never was is absent. */
export type LegTimes = Readonly<Partial<Record<"access" | "core", number>>>;
