/** True for URLs whose answers nobody on the way can change: https, or http on this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && isOnThisMachine(hostname));
}

/** @param hostname as a URL has it, IPv6 in brackets */
export function isOnThisMachine(hostname: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
