import { execFileSync, spawn } from "node:child_process";
const text: string = execFileSync("echo", ["from", "echo"], { encoding: "utf8" });
console.log(text.trim());
const child = spawn("sh", ["-c", "read line; echo got $line; exit 2"]);
child.stdout.setEncoding("utf8").on("data", (d: string) => console.log(d.trim()));
child.on("close", (code: number | null) => console.log("code", code));
child.stdin.end("input\n");
