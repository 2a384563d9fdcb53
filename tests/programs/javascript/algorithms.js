function* primes() {
  const seen = [];
  for (let n = 2; ; n++) if (seen.every((p) => n % p)) { seen.push(n); yield n; }
}
const first = [];
for (const p of primes()) { if (first.length === 10) break; first.push(p); }
console.log(first);
const fib = (n, memo = {}) => (n in memo ? memo[n] : n < 2 ? n : (memo[n] = fib(n - 1, memo) + fib(n - 2, memo)));
console.log(fib(50));
function quicksort([pivot, ...rest]) {
  if (pivot === undefined) return [];
  return [...quicksort(rest.filter((x) => x < pivot)), pivot, ...quicksort(rest.filter((x) => x >= pivot))];
}
console.log(quicksort([3, 6, 1, 8, 2, 9, 2]));
const gcd = (a, b) => (b ? gcd(b, a % b) : a);
console.log(gcd(48, 18), 2n ** 100n, 7 % -3, -7 % 3);
const grid = Array.from({ length: 3 }, () => Array(3).fill("."));
grid[1][1] = "#";
console.log(grid.map((row) => row.join("")).join("\n"));
function hanoi(n, a, b, c) { return n === 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a); }
console.log(hanoi(10, "a", "b", "c"));
let sum = 0;
for (let i = 0; i < 1e6; i++) sum += i % 7;
console.log(sum);
