/** Rows of one statement: SQLite binds at most 32 766 values. */
const atOnce = 1000;

/** As many rows at a time as one statement takes. */
export function* inPieces<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += atOnce) yield rows.slice(at, at + atOnce);
}
