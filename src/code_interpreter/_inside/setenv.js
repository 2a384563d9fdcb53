// Set environment variables from a file, which goes at once, for good or until this is called
// without one.
(require, path, lasting) => {
  const stash = Symbol.for("code_interpreter.environment");
  if (path !== undefined) {
    const fs = require("fs");
    const values = JSON.parse(fs.readFileSync(path, "utf8"));
    fs.unlinkSync(path);
    if (!lasting) {
      const before = Object.keys(values).map((name) => [name, process.env[name]]);
      Object.defineProperty(globalThis, stash, { value: before, configurable: true });
    }
    Object.assign(process.env, values);
    return;
  }
  for (const [name, value] of globalThis[stash] ?? []) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  delete globalThis[stash];
}
