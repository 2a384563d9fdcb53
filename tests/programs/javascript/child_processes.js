const { execSync, spawnSync, spawn, exec } = require("child_process");
console.log(execSync("echo from a shell").toString().trim());
const ran = spawnSync("sh", ["-c", "echo out; echo err >&2; exit 3"]);
console.log(ran.status, ran.stdout.toString(), ran.stderr.toString());
try { execSync("exit 2", { stdio: "ignore" }); } catch (e) { console.log(e.status, e.message); }
const child = spawn("cat");
child.stdout.on("data", (d) => console.log("cat said", `${d}`));
child.on("close", (code) => {
  console.log("closed", code);
  exec("echo $((6 * 7))", (error, stdout) => console.log(error, stdout.trim()));
});
child.stdin.end("fed");
