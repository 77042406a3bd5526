import { sql } from "kysely";
import { connect, executedMigrations, type StoreTarget } from "./database.ts";
import { StoreError, textOf } from "./errors.ts";
import { migrations } from "./migrations/index.ts";
import type { PostgresTarget } from "./postgres.ts";

/** What a PostgreSQL server says of itself; nothing is changed. */
export interface PostgresFacts {
  /** Of the server, such as `15.4`. */
  readonly version: string;
  /** Milliseconds that the clock of this machine is ahead of the server's. */
  readonly ahead: number;
  /** Milliseconds that an answer takes. */
  readonly roundTrip: number;
  /** How many migrations its tables still need; all of them where there are no tables yet. */
  readonly pending: number;
  readonly empty: boolean;
}

/** @throws StoreError `store/unreachable`, `store/open` */
export async function examinePostgres(target: PostgresTarget): Promise<PostgresFacts> {
  const where: StoreTarget = target;
  const db = connect(where, true);
  try {
    let best: Pick<PostgresFacts, "version" | "ahead" | "roundTrip"> | undefined;
    // The first one opens the connection; the quickest says most of the way there.
    for (let time = 0; time < 5; time += 1) {
      const asked = performance.now();
      const { rows } = await sql<{ version: string; now: string }>`
        select current_setting('server_version') as version, extract(epoch from clock_timestamp()) * 1000 as now`.execute(
        db,
      );
      const roundTrip = performance.now() - asked;
      const [{ version, now } = { version: "", now: "0" }] = rows;
      if (best === undefined || roundTrip < best.roundTrip)
        best = { version, ahead: Date.now() - roundTrip / 2 - Number(now), roundTrip };
    }
    const { version, ahead, roundTrip } = best ?? { version: "", ahead: 0, roundTrip: 0 };
    const done = await executedMigrations(db, where);
    const pending = Object.keys(migrations).length - done.length;
    return { version, ahead, roundTrip, pending, empty: done.length === 0 };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError("store/unreachable", textOf(error));
  } finally {
    await db.destroy();
  }
}
