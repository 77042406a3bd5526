/** What has to be true of the tables at any time, as statements that find what is not, in time that grows with the rows alone. */
const violations: Readonly<Record<string, string>> = {
  "two holders of an identity": "select impu from assignment where ended_at is null group by impu having count(*) > 1",
  "two identities of a user":
    "select subject from assignment where ended_at is null group by tenant, issuer, subject having count(*) > 1",
  "a holder before the one before had ended": `select a.id from assignment a join assignment b on a.impu = b.impu and a.id <> b.id
     where a.started_at < coalesce(b.ended_at, 9e15) and b.started_at < coalesce(a.ended_at, 9e15)`,
  "an entry that knows its holder wrongly": `select e.impu from block_entry e left join assignment a on a.impu = e.impu and a.ended_at is null
     where coalesce(e.held_by, '') <> coalesce(a.id, '')`,
  "an entry that is free too early or too late": `select e.impu from block_entry e left join (
       select impu, max(until) as until from (
         select impu, quarantined_until as until from assignment
         union all select impu, token_until + 60000 from lease
         union all select impu, registered_until from lease) resting group by impu) t on t.impu = e.impu
     where e.held_by is null and e.free_at <> coalesce(t.until, 0)`,
  "an entry that nobody uses and nobody gets": `select a.id from assignment a where a.ended_at is null
     and not exists (select 1 from lease l where l.assignment_id = a.id and l.ended_at is null)`,
  "a lease that outlives its assignment": `select l.id from lease l join assignment a on a.id = l.assignment_id
     where l.ended_at is null and a.ended_at is not null`,
  "a lease with no refresh token or two good ones": `select l.id from lease l left join (
       select lease_id, count(*) as good from refresh_token where rotated_at is null group by lease_id) r on r.lease_id = l.id
     where l.ended_at is null and coalesce(r.good, 0) <> 1`,
  "a change of holder that the audit does not know": `select e.impu from block_entry e
     left join (select impu, count(*) as begun, count(ended_at) as ended from assignment group by impu) a on a.impu = e.impu
     left join (select subject, sum(case action when 'assignment.begin' then 1 else 0 end) as begun,
                  sum(case action when 'assignment.end' then 1 else 0 end) as ended
                from audit group by subject) r on r.subject = e.impu
     where coalesce(a.begun, 0) <> coalesce(r.begun, 0) or coalesce(a.ended, 0) <> coalesce(r.ended, 0)`,
};

/** @param query runs a statement on the database and gives its rows @returns what is violated, and by what */
export async function violated(query: (sql: string) => Promise<unknown[]>): Promise<string[]> {
  const found: string[] = [];
  for (const [name, statement] of Object.entries(violations)) {
    const rows = await query(statement);
    if (rows.length > 0) found.push(`${name}: ${JSON.stringify(rows.slice(0, 3))}`);
  }
  return found;
}
