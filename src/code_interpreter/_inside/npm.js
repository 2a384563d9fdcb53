// Install packages where the modules of this context are looked for. Prints what npm says, and
// `mark` last if all went well.
(require, packages, mark) => new Promise((resolve) => {
  const options = ["install", "--no-audit", "--no-fund", "--no-progress", "--prefix", process.cwd()];
  const child = require("child_process").spawn("npm", [...options, "--", ...packages], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => process.stdout.write(text));
  }
  child.on("error", (error) => {
    process.stdout.write(`npm cannot be started: ${error.message}\n`);
    resolve();
  });
  child.on("close", (status) => {
    process.stdout.write(status === 0 ? `${mark}\n` : "");
    resolve();
  });
})
