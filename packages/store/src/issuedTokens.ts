import type { Database } from "./schema.ts";
import { unanswered } from "./unanswered.ts";

/** An access token by its id; the token itself is never stored. */
export interface IssuedToken {
  readonly jti: string;
  readonly leaseId: string;
  /** Address the request for it came from. */
  readonly address: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** What the audit says of one access token. */
export interface TokenTrace extends IssuedToken {
  readonly tenant: string;
  readonly clientId: string;
  readonly impu: string;
  readonly pseudonym: string;
}

/** Owner of table `issued_token`. */
export class IssuedTokens {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(token: IssuedToken): Promise<void> {
    await unanswered(
      this.#db,
      this.#db.insertInto("issued_token").values({
        jti: token.jti,
        lease_id: token.leaseId,
        address: token.address,
        issued_at: token.issuedAt,
        expires_at: token.expiresAt,
      }),
    );
  }

  async trace(jti: string): Promise<TokenTrace | undefined> {
    const row = await this.#db
      .selectFrom("issued_token as token")
      .innerJoin("lease", "lease.id", "token.lease_id")
      .innerJoin("assignment", "assignment.id", "lease.assignment_id")
      .selectAll("token")
      .select(["lease.tenant", "lease.client_id", "lease.impu", "assignment.pseudonym"])
      .where("token.jti", "=", jti)
      .executeTakeFirst();
    return (
      row && {
        jti: row.jti,
        leaseId: row.lease_id,
        address: row.address,
        issuedAt: row.issued_at,
        expiresAt: row.expires_at,
        tenant: row.tenant,
        clientId: row.client_id,
        impu: row.impu,
        pseudonym: row.pseudonym,
      }
    );
  }

  /** Tokens issued under an assignment, oldest first. */
  async ofAssignment(assignmentId: string): Promise<IssuedToken[]> {
    const rows = await this.#db
      .selectFrom("issued_token as token")
      .innerJoin("lease", "lease.id", "token.lease_id")
      .selectAll("token")
      .where("lease.assignment_id", "=", assignmentId)
      .orderBy("token.issued_at")
      .execute();
    return rows.map(({ jti, lease_id: leaseId, address, issued_at: issuedAt, expires_at: expiresAt }) => {
      return { jti, leaseId, address, issuedAt, expiresAt };
    });
  }

  /** Forgets from where the tokens of an assignment were asked for. */
  async forgetAddresses(assignmentId: string): Promise<void> {
    const leases = this.#db.selectFrom("lease").select("id").where("assignment_id", "=", assignmentId);
    await this.#db.updateTable("issued_token").set({ address: "" }).where("lease_id", "in", leases).execute();
  }

  async purge(issuedBefore: number): Promise<void> {
    await this.#db.deleteFrom("issued_token").where("issued_at", "<", issuedBefore).execute();
  }
}
