/** Methods this node takes inside a session and for it. */
export const allow =
  "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH, REFER";

/** Options an INVITE may require of this node. */
export const extensions: readonly string[] = ["100rel"];
