console.assert(1 === 1, "not shown");
console.assert(1 === "1", "of different types");
console.assert(false, "with %s", "values", { a: 1 });
const assert = require("assert");
assert.equal(1, "1");
assert.deepStrictEqual({ a: [1, 2] }, { a: [1, 2] });
try {
  assert.strictEqual(1, 2);
} catch (e) {
  console.log(e.code, e.message.split("\n")[0]);
}
assert.throws(() => { throw new TypeError("bad"); }, /bad/);
console.log("done");
