let a = (1, 2, 3);
let b;
for (let i = 0, j = 10; i < j; i += 3, j--) console.log(i, j);
b = (a++, a * 2);
console.log(a, b, void 0);
outer: for (const x of [1, 2, 3]) {
  for (const y of [1, 2, 3]) {
    if (y === 2) continue outer;
    if (x === 3) break outer;
    console.log(x, y);
  }
}
switch (typeof a) {
  case "string":
    console.log("text");
  case "number":
    console.log("number");
  default:
    console.log("falls through");
}
do {
  a -= 2;
} while (a > 0);
console.log(a);
