implicit = 5;
implicit++;
console.log(implicit, globalThis.implicit, delete globalThis.implicit);
var twice = 1;
var twice = twice + 1;
console.log(twice);
console.log(hoisted, later());
var hoisted = "now";
function later() {
  return "hoisted function";
}
for (var i = 0; i < 3; i++) {}
console.log(i, hoisted);
if (true) {
  var inside = "leaks";
}
console.log(inside, this === module.exports);
