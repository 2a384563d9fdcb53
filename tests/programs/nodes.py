"""What cells of JavaScript and TypeScript need, to be compared with programs."""

# Node ends when nothing keeps it alive: timers, children, workers, files that are being read.
AFTER = """\
await (async () => {
    const idle = globalThis["idle"] ??= process.getActiveResourcesInfo().length;
    while (process.getActiveResourcesInfo().length > idle) {
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
})();
"""
