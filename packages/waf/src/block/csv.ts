/** One record of a CSV text and the line it begins on, from 1. */
interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Records of a CSV text (RFC 4180); empty lines are left out.
 * @throws Error with the line when a quote is not closed, or something follows a closing one
 */
export function* csvRecords(text: string): Generator<CsvRecord> {
  let [at, line] = [0, 1];
  while (at < text.length) {
    const begin = line;
    const fields: string[] = [];
    for (;;) {
      const field = text[at] === '"' ? quoted(text, at, begin) : bare(text, at);
      fields.push(field.value);
      line += field.lines;
      at = field.end;
      if (text[at] !== ",") break;
      at++;
    }
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    line++;
    if (fields.length > 1 || fields[0] !== "") yield { line: begin, fields };
  }
}

interface Field {
  readonly value: string;
  /** Where the text goes on. */
  readonly end: number;
  /** Line ends inside. */
  readonly lines: number;
}

function bare(text: string, from: number): Field {
  let end = from;
  while (end < text.length && !",\r\n".includes(text.charAt(end))) end++;
  return { value: text.slice(from, end).trim(), end, lines: 0 };
}

function quoted(text: string, from: number, line: number): Field {
  let end = from + 1;
  for (;;) {
    const quote = text.indexOf('"', end);
    if (quote === -1) throw new Error(`line ${line}: a quote is not closed`);
    end = quote + 1;
    if (text[end] !== '"') break;
    end++;
  }
  if (end < text.length && !",\r\n".includes(text.charAt(end))) {
    throw new Error(`line ${line}: something follows a closing quote`);
  }
  const value = text.slice(from + 1, end - 1);
  return { value: value.replaceAll('""', '"'), end, lines: value.split("\n").length - 1 };
}
