console.log("before");
console.error("noted");
function fail(depth) {
  if (depth === 0) throw new RangeError("too deep");
  fail(depth - 1);
}
fail(3);
console.log("never");
