// Preloaded into a program that has an IPC channel to the one that started it: when that one is gone, however it ended,
// the program is asked to end, and made to when it does not.
if (Number(process.env.PORTICO_PARENT) === process.ppid && process.channel) {
  process.once("disconnect", () => {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), 8000).unref();
    process.kill(process.pid, "SIGTERM");
  });
  // Waiting for the parent's end keeps nobody alive.
  process.channel.unref();
}
