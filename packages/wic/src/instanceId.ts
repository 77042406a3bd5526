import type { Platform } from "./platform.ts";

const key = "portico.instance";
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The `+sip.instance` of this tab (RFC 5626 §4.1), held until released. */
export interface Instance {
  /** `urn:uuid:…` */
  readonly urn: string;
  release(): void;
}

/**
 * Takes the instance id of this tab: the one in its storage, so that a reload keeps it, unless another page holds it.
 * A duplicated tab starts with a copy of its model's storage, finds the lock taken, and makes an id of its own.
 */
export async function takeInstance(platform: Platform): Promise<Instance> {
  const kept = platform.tabStorage.get(key);
  if (kept !== undefined && uuidForm.test(kept)) {
    // The page before a reload may still be on its way out.
    const release = await platform.lock(`${key}.${kept}`, 500);
    if (release !== undefined) return { urn: `urn:uuid:${kept}`, release };
  }
  const uuid = platform.uuid();
  platform.tabStorage.set(key, uuid);
  const release = await platform.lock(`${key}.${uuid}`, 500);
  return { urn: `urn:uuid:${uuid}`, release: release ?? ((): void => undefined) };
}
