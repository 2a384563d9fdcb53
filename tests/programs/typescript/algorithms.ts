const fib = (n: number, memo = new Map<number, bigint>()): bigint => {
  if (n < 2) return BigInt(n);
  const known = memo.get(n);
  if (known !== undefined) return known;
  const value = fib(n - 1, memo) + fib(n - 2, memo);
  memo.set(n, value);
  return value;
};
console.log(fib(100));
function binarySearch(xs: readonly number[], wanted: number): number {
  let [low, high] = [0, xs.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (xs[middle] === wanted) return middle;
    if (xs[middle] < wanted) low = middle + 1; else high = middle - 1;
  }
  return -1;
}
console.log(binarySearch([1, 3, 5, 7, 9], 7), binarySearch([], 1));
const sieve = (n: number): number[] => {
  const composite = new Uint8Array(n + 1);
  const primes: number[] = [];
  for (let i = 2; i <= n; i++) {
    if (composite[i]) continue;
    primes.push(i);
    for (let j = i * i; j <= n; j += i) composite[j] = 1;
  }
  return primes;
};
console.log(sieve(50).join(" "));
type Point = readonly [number, number];
const paths = ([x, y]: Point): number => (x === 0 || y === 0 ? 1 : paths([x - 1, y]) + paths([x, y - 1]));
console.log(paths([5, 5]));
