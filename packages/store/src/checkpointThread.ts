import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

// The thread of a Checkpointer.
const database = new DatabaseSync(workerData as string);
database.exec("PRAGMA busy_timeout = 50; PRAGMA synchronous = FULL");
parentPort?.on("message", () => {
  // Nearly all of it while others write; then what has been added meanwhile, for which they wait, so that the next
  // writer begins the log anew and it does not grow for ever. What others keep busy for so long is done the next time.
  database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  database.exec("PRAGMA wal_checkpoint(RESTART)");
});
