/** What a stock client is given: the WebSocket, who the user is, and the token as the value of an Authorization header field. */
export interface ClientSetting {
  readonly url: string;
  readonly impu: string;
  readonly authorization: string;
}

/** A stock SIP client in a page, told to register and stay so. */
export interface StockClient {
  /** Why it is not registered, if it has said so. */
  readonly failure: string | undefined;
  start(): void;
  /** Calls, waits until the call stands, and hangs up. @returns how it went. */
  call(target: string): Promise<"answered" | "failed">;
  /** Leaves the network. */
  stop(): Promise<void>;
}
