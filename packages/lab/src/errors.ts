/** What can go wrong, why, and what to do about it. */
const catalogue = {
  "lab/no-rtp-port": {
    message: "No RTP port is free",
    cause: "Every pair of the configured range is bound, or the address is not this machine's",
    remedy: "Widen `rtpPorts` or end calls",
  },
  "lab/configuration": {
    message: "The configuration is not usable",
    cause: "A field is missing or has another form than the lab knows",
    remedy: "Correct the named field",
  },
  "lab/no-telephone": {
    message: "There is no telephone with that number",
    cause: "`dial` was given a number that the lab does not hold",
    remedy: "Use one of the numbers in `telephones`",
  },
} as const;

/** Stable name of an error of this package, for `switch (error.code)`. */
export type LabErrorCode = keyof typeof catalogue;

/** What the lab throws. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: LabErrorCode;
  readonly remedy: string;

  constructor(code: LabErrorCode, detail: string) {
    super(`${catalogue[code].message}: ${detail}`);
    this.code = code;
    this.remedy = catalogue[code].remedy;
  }
}
