const util = require("util");
console.log(util.inspect({ a: { b: { c: {} } } }, { depth: 0 }), util.types.isDate(new Date()));
console.log(util.format("%s %d %j", "a", 1, {}), util.isDeepStrictEqual([1], [1]));
const later = util.promisify((x, done) => setImmediate(done, null, x + 1));
later(1).then(console.log);
class Money { constructor(n) { this.n = n; } [util.inspect.custom]() { return `$${this.n}`; } }
console.log(new Money(5), [new Money(1)], `${util.inspect(new Money(2))}`);
const os = require("os");
console.log(os.EOL === "\n", typeof os.cpus().length, os.platform() === process.platform);
const { performance } = require("perf_hooks");
console.log(performance.now() > 0, process.uptime() > 0, typeof process.memoryUsage().heapUsed);
console.log(process.hrtime.bigint() > 0n, process.env.NOT_SET, typeof process.pid, process.exitCode);
const { AsyncLocalStorage } = require("async_hooks");
const store = new AsyncLocalStorage();
store.run("kept", () => setTimeout(() => console.log(store.getStore()), 1));
const zlib = require("zlib");
console.log(zlib.gunzipSync(zlib.gzipSync("packed")).toString());
console.log(require("querystring").parse("a=1&b=2"));
