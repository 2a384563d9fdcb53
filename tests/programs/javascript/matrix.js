const A = [[1, 2], [3, 4]], B = [[0, 1], [1, 0]];
const multiply = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((s, x, k) => s + x * b[k][j], 0)));
console.log(multiply(A, B), A[0].map((_, i) => A.map((row) => row[i])));
const typed = new Float64Array([1.5, 2.5]);
console.log(typed, typed.map((x) => x * 2), new Int8Array([200]), new DataView(new ArrayBuffer(4)).getInt32(0));
const permutations = (xs) => xs.length < 2 ? [xs] : xs.flatMap((x, i) => permutations([...xs.slice(0, i), ...xs.slice(i + 1)]).map((p) => [x, ...p]));
console.log(permutations([1, 2, 3]).length, permutations("abc".split("")).map((p) => p.join("")));
let life = [".....", "..#..", "..#..", "..#..", "....."];
life = life.map((row, y) => [...row].map((c, x) => {
  let n = 0;
  for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) if ((dx || dy) && life[y + dy]?.[x + dx] === "#") n++;
  return n === 3 || (n === 2 && c === "#") ? "#" : ".";
}).join(""));
console.log(life.join("\n"));
console.log([5, 1, 4].reduce((a, b) => Math.max(a, b)), [1, 2, 3, 4].indexOf(3), Array.isArray([]), [,].length);
