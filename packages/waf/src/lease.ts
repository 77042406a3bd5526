import type { Assignment, Lease, Tables } from "@portico/store";

/** How long a lease lives, and the access token issued under it. */
export type LeaseTimes = Pick<Lease, "expiresAt" | "tokenUntil">;

/** The lease with the assignment it is under, which stays locked until the transaction ends. */
export async function withAssignment(
  tables: Tables,
  leaseId: string,
): Promise<{ lease: Lease; assignment: Assignment } | undefined> {
  const assignmentId = (await tables.leases.get(leaseId))?.assignmentId;
  const assignment = assignmentId === undefined ? undefined : await tables.assignments.get(assignmentId);
  const lease = await tables.leases.get(leaseId);
  return lease && assignment && { lease, assignment };
}
