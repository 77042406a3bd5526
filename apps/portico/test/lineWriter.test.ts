import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { LineWriter } from "../src/lineWriter.ts";
import { newFolder } from "./support/command.ts";

vi.setConfig({ testTimeout: 90_000 });

test("lines that cannot be written wait, whole and in order, up to a bound", async () => {
  const fifo = join(newFolder(), "fifo");
  expect(spawnSync("mkfifo", [fifo]).status).toBe(0);
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  const writer = new LineWriter(fd);
  // Some fit into the pipe, some wait, and the last are too many.
  const lines = Array.from({ length: 20_000 }, (_, n) => `${n} ${"é".repeat(50)}\n`);
  for (const line of lines) writer.write(line);
  let read = "";
  const decoder = new TextDecoder();
  const buffer = Buffer.alloc(65_536);
  const drain = (): string => {
    try {
      for (;;) read += decoder.decode(buffer.subarray(0, readSync(fd, buffer)), { stream: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
    return read;
  };
  let waiting = 0;
  const kept = lines.filter((line) => (waiting += Buffer.byteLength(line)) <= 1_048_576).join("");
  await expect.poll(() => drain().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(kept.length);
  expect(read === kept).toBe(true);
  writer.write("one more\n");
  writer.flush();
  await expect.poll(() => drain().endsWith("one more\n")).toBe(true);
});
