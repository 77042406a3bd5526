import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { startAcme, type Acme } from "../../src/index.ts";
import { startFakeWaf, type FakeWaf } from "./fakeWaf.ts";

/** Acme on a port of its own, before a small operator. */
export interface TestAcme {
  readonly acme: Acme;
  readonly waf: FakeWaf;
  close(): Promise<void>;
}

export const password = "correct horse";
/** Its hash at a cost that tests can bear; idp.test.ts has that of a real one. */
const passwordHash = "$argon2id$v=19$m=64,t=1,p=1$YWNtZS1hY21lLWFjbWUtYQ$a7OsWGfRgNUEgjiF1Y98XsKB01NnIy+i4XzSCzlzpn0";

export async function startTestAcme(tls?: { cert: string; key: string; host: string }): Promise<TestAcme> {
  const folder = await mkdtemp(join(tmpdir(), "acme-"));
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const clientKey = join(folder, "client.jwk");
  await writeFile(clientKey, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600 });
  let url = "";
  const waf = await startFakeWaf(await exportJWK(publicKey), () => `${url}/idp`);
  const acme = await startAcme({
    host: "127.0.0.1",
    port: 0,
    publicUrl: tls === undefined ? "http://localhost:0" : `https://${tls.host}:0`,
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    waf: { issuer: waf.issuer },
    clientId: "talk.acme.example",
    clientKey,
    users: [
      { username: "mary", name: "Mary Jones", passwordHash },
      { username: "ken", name: "Ken Adams", passwordHash },
      { username: "olivia", name: "Olivia Brown", passwordHash },
    ],
    speedDials: [
      { label: "Echo", number: "+12025550110" },
      { label: "Announcement", number: "+12025550120" },
    ],
    portalOrigins: [new URL(waf.issuer).origin, "ws://localhost:8090"],
  });
  ({ url } = acme);
  return {
    acme,
    waf,
    close: async () => {
      await acme.close();
      await waf.close();
      await rm(folder, { recursive: true });
    },
  };
}
