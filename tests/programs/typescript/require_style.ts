import fs = require("fs");
const os = require("os");
const { join } = require("path") as typeof import("path");
console.log(typeof fs.readFileSync, typeof os.cpus, join("a", "b"));
if (require.main === module) console.log("main");
console.log(module.exports === exports, __dirname.length > 0);
