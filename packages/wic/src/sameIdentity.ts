import { sameUri } from "@portico/sip";

/** Whether two URIs name the same identity; what is no URI is only itself. */
export function isSame(one: string, other: string): boolean {
  try {
    return sameUri(one, other);
  } catch {
    return one === other;
  }
}
