import type { W2 } from "./load/terminal.ts";

/** A running edge under test, whoever made it. */
export interface Edge {
  readonly name: string;
  /** Where browsers come in, without and with TLS. */
  w2(secure: boolean): W2;
  /** Its port on Mw. */
  readonly mw: number;
  /** CPU microseconds it spends while `work` goes on, of all its processes, user and system. */
  cpuDuring(work: () => Promise<void>): Promise<number>;
  /** Octets of memory that all its processes hold by themselves. */
  memory(): Promise<number>;
  close(): Promise<void>;
}

/** The transport to the core. */
export type Protocol = "TCP" | "UDP";

/** How an edge is to stand toward its core. */
export interface EdgeSurroundings {
  readonly protocol: Protocol;
  /** Port of the core on loopback. */
  readonly core: number;
}

/** PEM texts of a self-signed certificate. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}
