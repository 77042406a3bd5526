import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serverCertificate } from "../src/localCa.ts";

test("the authority of this machine signs a certificate for the address and stays the same at the next start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-ca-"));
  try {
    const files = await serverCertificate(folder, "192.0.2.7");
    const authority = new X509Certificate(readFileSync(files.ca));
    const server = new X509Certificate(readFileSync(files.cert));
    expect(authority.ca).toBe(true);
    expect(server.verify(authority.publicKey)).toBe(true);
    expect(server.checkIP("192.0.2.7")).toBe("192.0.2.7");
    expect(server.checkPrivateKey(createPrivateKey(readFileSync(files.key)))).toBe(true);
    expect(statSync(files.key).mode & 0o077).toBe(0);
    const again = await serverCertificate(folder, "192.0.2.8");
    const renewed = new X509Certificate(readFileSync(again.cert));
    expect(readFileSync(again.ca, "utf8")).toBe(authority.toString());
    expect(renewed.verify(authority.publicKey)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
