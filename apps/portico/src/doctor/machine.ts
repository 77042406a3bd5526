import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { createServer, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { readTls } from "../http/tlsFiles.ts";
import { type Check, fail, type Finding, ok, skipped, warn } from "./check.ts";

const day = 86_400_000;

/** Files with secrets are their owner's alone. */
const files: Check = {
  name: "files",
  async run({ file, config: { data } }) {
    if (process.platform === "win32") return [skipped("modes are not looked at on Windows")];
    if (!existsSync(data)) return [warn(`${data} does not exist yet`, "portico serve makes it at its first start")];
    const secret = readdirSync(data, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(key|pem|json|sqlite|sqlite-wal)$/.test(name))
      .map((name) => join(data, name));
    const open = [file, data, ...secret].filter((path) => (statSync(path).mode & 0o077) !== 0);
    if (open.length === 0) return [ok(`${secret.length + 2} files and folders are their owner's alone`)];
    return open.map((path) =>
      path === file
        ? warn(`${path} can be read by others`, `chmod 600 ${path}, or keep secrets out of it`)
        : fail(`${path} can be read by others`, `chmod go-rwx ${path}`),
    );
  },
};

const disk: Check = {
  name: "disk",
  async run({ config: { data } }) {
    const folder = existsSync(data) ? data : process.cwd();
    const { bavail, blocks, bsize } = statfsSync(folder);
    const free = (bavail * bsize) / 1024 ** 2;
    const share = Math.round((bavail / blocks) * 100);
    const seen = `${free > 2048 ? `${(free / 1024).toFixed(1)} GiB` : `${Math.round(free)} MiB`} free (${share} %) at ${folder}`;
    if (free < 100) return [fail(seen, "make room: the database cannot grow, and what cannot be written is refused")];
    return [free < 1024 ? warn(seen, "make room before the database has none") : ok(seen)];
  },
};

const certificates: Check = {
  name: "certificates",
  async run({ config: { tls, admin, mw, publicUrl }, now }) {
    const used = [
      ...(tls === undefined ? [] : [{ files: tls, host: new URL(publicUrl).hostname }]),
      ...(admin?.tls === undefined ? [] : [{ files: admin.tls, host: admin.address }]),
      ...(mw.tls === undefined ? [] : [{ files: mw.tls, host: mw.address }]),
    ];
    if (used.length === 0) return [skipped("no TLS in the configuration")];
    return used.map(({ files: of, host }): Finding => {
      let certificate: X509Certificate;
      try {
        certificate = new X509Certificate(readTls(of).cert);
      } catch (error) {
        return fail((error as Error).message, "the portal does not start with it");
      }
      const days = Math.floor((Date.parse(certificate.validTo) - now) / day);
      const covers = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
      const seen = `${of.cert}: ${days} days left`;
      if (days < 0) return fail(`${of.cert} has expired`, "renew it; the portal takes up the new file by itself");
      if (Date.parse(certificate.validFrom) > now) return fail(`${of.cert} is not valid yet`, "compare the clock");
      if (covers === undefined) return fail(`${of.cert} is not for ${host}`, `get one whose names include ${host}`);
      return days < 14 ? warn(seen, "renew it; the portal takes up the new file by itself") : ok(seen);
    });
  },
};

const addresses: Check = {
  name: "addresses",
  async run({ config: { mw, media, listen, admin, metrics } }) {
    const own = new Set(
      Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
    );
    const used = {
      "mw.address": mw.address,
      "media.coreAddress": media.coreAddress,
      ...Object.fromEntries(media.access.map(({ bind }, n) => [`media.access.${n}.bind`, bind])),
      "listen.address": listen.address,
      ...(admin === undefined ? {} : { "admin.address": admin.address }),
      ...(metrics === undefined ? {} : { "metrics.address": metrics.address }),
    };
    const foreign = Object.entries(used).filter(
      ([, address]) => isIP(address) !== 0 && !["0.0.0.0", "::"].includes(address) && !own.has(address),
    );
    if (foreign.length === 0) return [ok(`${Object.keys(used).length} addresses are this machine's`)];
    return foreign.map(([setting, address]) =>
      fail(`${setting} ${address} is no address of this machine`, `use one of ${[...own].join(", ")}`),
    );
  },
};

const ports: Check = {
  name: "ports",
  async run({ config: { listen, admin, metrics, mw, media }, running }) {
    if (running) return [skipped("the portal runs and holds them")];
    const [first, last] = media.corePorts;
    const wanted = [
      { setting: "listen", kind: "TCP", ...listen },
      ...(admin === undefined ? [] : [{ setting: "admin", kind: "TCP", ...admin }]),
      ...(metrics === undefined ? [] : [{ setting: "metrics", kind: "TCP", ...metrics }]),
      { setting: "mw", kind: "TCP", ...mw },
      { setting: "mw", kind: "UDP", ...mw },
      ...media.access.map(({ bind }) => ({
        setting: "media.access",
        kind: "UDP",
        address: bind,
        port: media.accessPort,
      })),
      ...[first, last].map((port) => ({ setting: "media.corePorts", kind: "UDP", address: media.coreAddress, port })),
    ];
    const codes = await Promise.all(wanted.map(({ kind, address, port }) => bindable(kind, address, port)));
    const taken = wanted.flatMap(({ setting, kind, address, port }, n): Finding[] => {
      const code = codes[n];
      if (code === undefined) return [];
      const at = `${setting} ${kind} ${address}:${port}`;
      return code === "EADDRINUSE"
        ? [fail(`${at} is in use`, "end the other program, or choose another port")]
        : [
            fail(
              `${at} cannot be opened (${code})`,
              code === "EACCES" ? "choose a port above 1023" : "correct the address",
            ),
          ];
    });
    return taken.length > 0 ? taken : [ok(`${wanted.length} ports can be opened`)];
  },
};

async function bindable(kind: string, address: string, port: number): Promise<string | undefined> {
  const socket = kind === "UDP" ? createSocket(isIP(address) === 6 ? "udp6" : "udp4") : createServer();
  try {
    if ("bind" in socket) socket.bind(port, address);
    else socket.listen(port, address);
    await once(socket, "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  } finally {
    // One that could not be opened cannot be closed.
    try {
      socket.close();
    } catch {}
  }
}

const names: Check = {
  name: "dns",
  async run({ config: { publicUrl, home } }) {
    const hosts = new Map([["publicUrl", new URL(publicUrl).hostname.replaceAll(/[[\]]/g, "")]]);
    for (const [n, entry] of [home.entryPoint].flat().entries()) {
      // A domain may have records for services alone: whether it leads anywhere, the core check says.
      const host = /^sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?]+)/i.exec(entry)?.[1]?.replaceAll(/[[\]]/g, "");
      if (host !== undefined) hosts.set(`home.entryPoint${n === 0 ? "" : `.${n}`}`, host);
    }
    return await Promise.all(
      [...hosts].map(async ([setting, host]) => {
        if (isIP(host) !== 0) return ok(`${setting} is an address`);
        try {
          const found = await lookup(host, { all: true });
          return ok(`${host} is ${found.map(({ address }) => address).join(", ")}`);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          return setting === "publicUrl"
            ? warn(`${host} has no address here (${code})`, "browsers must find it: add it to your DNS")
            : fail(`${host} has no address (${code})`, `correct ${setting}, or add the name to your DNS`);
        }
      }),
    );
  },
};

export const machineChecks: readonly Check[] = [files, disk, addresses, ports, names, certificates];
