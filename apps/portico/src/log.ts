import type { Log } from "@portico/epcscf";
import { pino, type Logger } from "pino";

/** Structured log on standard error; an alarm is an error line with `alarm: true`. */
export function openLog(level: "info" | "warn" | "silent"): Log {
  const logger: Logger = pino({ level, base: null }, pino.destination({ dest: 2, sync: false }));
  return {
    info: (event, facts) => logger.info(facts ?? {}, event),
    warn: (event, facts) => logger.warn(facts ?? {}, event),
    alarm: (event, facts) => logger.error({ ...facts, alarm: true }, event),
  };
}
