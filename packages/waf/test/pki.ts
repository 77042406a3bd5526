import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** Certificates made by openssl: an authority, and what it or somebody else has signed. */
export class Pki {
  readonly #folder = mkdtempSync(join(tmpdir(), "portico-pki-"));
  readonly authority: Identity = this.selfSigned("ca", "/CN=Operator CA", "basicConstraints=critical,CA:TRUE");

  selfSigned(name: string, subject: string, extension: string): Identity {
    this.#run("req", "-x509", ...this.#pair(name), "-subj", subject, "-days", "3", "-addext", extension);
    return this.#read(name);
  }

  /** @param by who signs it @param extension absent: it is no authority */
  signed(name: string, subject: string, names: string, by = "ca", extension = "basicConstraints=CA:FALSE"): Identity {
    const extensions = join(this.#folder, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\n${extension}\n`);
    const key = join(this.#folder, `${name}.key`);
    const [csr, out] = [join(this.#folder, `${name}.csr`), join(this.#folder, `${name}.crt`)];
    this.#run("req", ...newKey, "-keyout", key, "-out", csr, "-subj", subject, "-multivalue-rdn");
    const ca = ["-CA", join(this.#folder, `${by}.crt`), "-CAkey", join(this.#folder, `${by}.key`), "-CAcreateserial"];
    this.#run("x509", "-req", "-in", csr, "-out", out, "-days", "3", "-extfile", extensions, ...ca);
    return this.#read(name);
  }

  #pair(name: string): string[] {
    return [...newKey, "-keyout", join(this.#folder, `${name}.key`), "-out", join(this.#folder, `${name}.crt`)];
  }

  #read(name: string): Identity {
    const of = (end: string): string => readFileSync(join(this.#folder, `${name}.${end}`), "utf8");
    return { key: of("key"), cert: of("crt") };
  }

  #run(...args: string[]): void {
    execFileSync(process.env["OPENSSL"] ?? "openssl", args, { stdio: "pipe" });
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
