const fs = require("fs");
const os = require("os");
const path = require("path");
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "program-"));
const file = path.join(dir, "a.txt");
fs.writeFileSync(file, "one\ntwo\n");
fs.appendFileSync(file, "three");
console.log(fs.readFileSync(file, "utf8").split("\n"), fs.existsSync(file), fs.statSync(file).size);
fs.mkdirSync(path.join(dir, "x", "y"), { recursive: true });
console.log(fs.readdirSync(dir).sort(), path.basename(file, ".txt"), path.extname(file));
try { fs.readFileSync(path.join(dir, "none")); } catch (e) { console.log(e.code, e.syscall); }
fs.readFile(file, "utf8", async (error, text) => {
  console.log(error, text.length);
  const b = await fs.promises.readFile(file);
  console.log(b.length, b.toString("base64"));
  fs.rmSync(dir, { recursive: true });
  console.log(fs.existsSync(dir));
});
console.log(path.join("/a", "..", "b", "./c"), path.resolve("/a", "b"), path.parse("/x/y.tar.gz"));
