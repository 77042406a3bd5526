/** One column of a table: its title and the text of a cell. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string | number | undefined;
  /** Numbers stand to the right. */
  readonly right?: boolean;
}

/** Rows under titles, columns aligned by what they show on a terminal. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  bold: (text: string) => string,
): string {
  const cells = rows.map((row) => columns.map(({ cell }) => String(cell(row) ?? "-")));
  const widths = columns.map(({ title }, n) => Math.max(title.length, ...cells.map((line) => width(line[n] ?? ""))));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, n) => {
        const space = " ".repeat((widths[n] ?? 0) - width(text));
        return columns[n]?.right === true ? `${space}${text}` : `${text}${space}`;
      })
      .join("  ")
      .trimEnd();
  return [bold(line(columns.map(({ title }) => title))), ...cells.map((texts) => line(texts))].join("\n");
}

/** Columns a text takes, without its colours; letters of East Asia take two. */
function width(text: string): number {
  let columns = 0;
  for (const { segment } of segments.segment(text.replaceAll(escapes, ""))) columns += wide.test(segment) ? 2 : 1;
  return columns;
}

const segments = new Intl.Segmenter();
// oxlint-disable-next-line no-control-regex -- colours are control characters
const escapes = /\u001B\[[\d;]*m/g;
const wide =
  /^[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Extended_Pictographic}/u;
