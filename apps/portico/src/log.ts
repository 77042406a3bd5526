import type { Log } from "@portico/epcscf";
import { pino, type Logger } from "pino";

/** Octets of lines that are written together, and how long the first of them waits at the most, ms. */
const together = 4096;
const longestWait = 1000;

/**
 * Structured log on standard error; an alarm is an error line with `alarm: true`. Lines leave together, since a system call
 * costs ten times as much as a line; an alarm leaves at once, and pino writes what waits when the process exits.
 */
export function openLog(level: "info" | "warn" | "silent"): Log {
  const destination = pino.destination({ dest: 2, sync: false, minLength: together, periodicFlush: longestWait });
  const logger: Logger = pino({ level, base: null }, destination);
  return {
    info: (event, facts) => logger.info(facts ?? {}, event),
    warn: (event, facts) => logger.warn(facts ?? {}, event),
    alarm: (event, facts) => {
      logger.error({ ...facts, alarm: true }, event);
      destination.flush();
    },
  };
}
