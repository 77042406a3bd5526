import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

function bench(...args: string[]): Promise<{ code: number | null; said: string }> {
  const program = new URL("main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=source", program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
  return new Promise((resolve) => void child.on("close", (code) => resolve({ code, said })));
}

test("a name that is no figure is refused with the names there are", async () => {
  const { code, said } = await bench("sdp.roundtrip", "edge.unheard-of");
  expect(code).toBe(1);
  expect(said).toContain("No such figure: edge.unheard-of.");
  expect(said).toContain("edge.register.tcp, edge.register.udp, edge.call.tcp");
});

test("a figure is written as cost, peer and ratio; one that is not measured yet is left out", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-bench-"));
  const file = join(folder, "figures.json");
  try {
    const { code, said } = await bench("sdp.roundtrip", "wic.audio", "--json", file);
    expect(code).toBe(0);
    expect(said).toContain("not measured yet");
    const figures: unknown = JSON.parse(readFileSync(file, "utf8"));
    expect(figures).toEqual([
      {
        name: "sdp.roundtrip",
        unit: "us",
        ours: expect.any(Number),
        peer: expect.any(Number),
        peerName: expect.stringContaining("sdp-transform"),
        ratio: expect.any(Number),
        rounds: expect.any(Number),
      },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
