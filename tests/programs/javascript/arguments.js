function add(a, b) {
  return a + b;
}
console.log(add(1, 2, 3), add(1), add.length, add("x"));
function all() {
  return Array.from(arguments).join("-");
}
console.log(all(1, 2, 3), all());
const greet = (name = "you", ...rest) => `${name}:${rest}`;
console.log(greet(), greet("me", 1, 2));
console.log(Math.max(), Math.max(...[1, 5, 3]));
console.log((function () { return typeof this; })(), typeof arguments);
