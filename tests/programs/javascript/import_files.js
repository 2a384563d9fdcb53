const fs = require("fs");
const path = require("path");
const dir = fs.mkdtempSync(path.join(require("os").tmpdir(), "program-"));
fs.writeFileSync(path.join(dir, "m.mjs"), "export let n = 1; export const up = () => ++n; export default 'def';");
fs.writeFileSync(path.join(dir, "c.js"), "exports.twice = (x) => 2 * x; exports.main = require.main === module;");
fs.writeFileSync(path.join(dir, "d.json"), '{"k": [1]}');
const { twice, main } = require(path.join(dir, "c.js"));
console.log(twice(4), main, require(path.join(dir, "d.json")));
(async () => {
  const m = await import(path.join(dir, "m.mjs"));
  console.log(m.n, m.up(), m.n, m.default, m);
  const { default: c } = await import(path.join(dir, "c.js"));
  console.log(c.twice(5));
  const { readFileSync } = await import("node:fs");
  console.log(typeof readFileSync);
  await import("no-such-package-anywhere").catch((e) => console.log(e.code));
  try { require("./no-such-file"); } catch (e) { console.log(e.code, e.message.split("\n")[0]); }
  fs.rmSync(dir, { recursive: true });
})();
