const readline = require("readline");
const lines = readline.createInterface({ input: process.stdin });
let n = 0;
lines.on("line", () => n++);
lines.on("close", () => console.log("lines", n));
