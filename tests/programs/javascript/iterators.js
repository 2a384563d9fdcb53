function* counter(n) { const sent = yield n; console.log("sent", sent); try { yield n + 1; } finally { console.log("closed"); } }
const it = counter(1);
console.log(it.next(), it.next("hello"), it.return(9), it.next());
const range = { from: 1, to: 3, *[Symbol.iterator]() { for (let i = this.from; i <= this.to; i++) yield i; } };
console.log([...range], Math.max(...range), Array.from(range, (x) => x * 2));
const [head, , third = "default", ...others] = [1, 2, undefined, 4, 5];
const { a, b: { c: renamed = 3 } = {}, ...left } = { a: 1, d: 4, e: 5 };
console.log(head, third, others, a, renamed, left);
const proxy = new Proxy({}, { get: (_, name) => `got ${String(name)}`, has: () => true });
console.log(proxy.anything, "x" in proxy, Reflect.ownKeys({ a: 1, [Symbol("s")]: 2 }));
let [p, q] = [1, 2];
[p, q] = [q, p];
console.log(p, q, Object.entries({ x: 1, y: 2 }), Object.groupBy ? "new" : "old");
console.log(new Map(Object.entries({ k: 1 })), [3, 1, 2].toSorted?.() ?? "old", [1, 2, 3].findLast((x) => x < 3));
