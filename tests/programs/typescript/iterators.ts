function* take<T>(n: number, source: Iterable<T>): Generator<T> {
  let i = 0;
  for (const x of source) { if (i++ >= n) return; yield x; }
}
function* naturals(): Generator<number, never> { for (let n = 1; ; n++) yield n; }
console.log([...take(3, naturals())]);
class Matrix implements Iterable<number> {
  constructor(readonly rows: number[][]) {}
  *[Symbol.iterator](): Iterator<number> { for (const row of this.rows) yield* row; }
  static identity(n: number): Matrix { return new Matrix(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => +(i === j)))); }
}
console.log(...Matrix.identity(2), Matrix.identity(2));
const zip = <A, B>(a: A[], b: B[]): [A, B][] => a.map((x, i) => [x, b[i]]);
console.log(zip([1, 2], ["a", "b"]), new Map(zip(["k"], [1])));
label: for (const a of [1, 2]) for (const b of [1, 2]) { if (b === 2) continue label; console.log(a, b); }
