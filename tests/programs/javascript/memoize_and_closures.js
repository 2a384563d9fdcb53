function makeCounter() {
  let count = 0;
  return { up: () => ++count, get value() { return count; } };
}
const one = makeCounter(), two = makeCounter();
one.up(); one.up(); two.up();
console.log(one.value, two.value);
var fs = [];
for (var i = 0; i < 3; i++) fs.push(() => i);
console.log(fs.map((f) => f()));
let gs = [];
for (let i = 0; i < 3; i++) gs.push(() => i);
console.log(gs.map((g) => g()));
const curry = (f) => function next(...a) { return a.length >= f.length ? f(...a) : (...b) => next(...a, ...b); };
console.log(curry((a, b, c) => a + b + c)(1)(2)(3));
const compose = (...f) => (x) => f.reduceRight((v, g) => g(v), x);
console.log(compose((x) => x + 1, (x) => x * 2)(5));
const debounced = ((calls) => (f) => { calls.push(f); return calls.length; })([]);
console.log(debounced(1), debounced(2), (() => { try { return "try"; } finally { console.log("finally"); } })());
console.log(eval("1 + 1"), new Function("a", "return a * 2")(4), (0, eval)("typeof undefined"));
