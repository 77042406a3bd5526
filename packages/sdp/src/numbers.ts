/** Reads a decimal number of digits alone, undefined if it is not one or above `max`. */
export function readNumber(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !isDigits(text) || text.length > 15) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

export function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text !== "";
}

/** The parts between single or repeated blanks. */
export function words(text: string): string[] {
  const parts = text.split(" ");
  return parts.includes("") ? parts.filter((part) => part !== "") : parts;
}
