function memoize<A extends unknown[], R>(f: (...a: A) => R): ((...a: A) => R) & { hits: number } {
  const cache = new Map<string, R>();
  const wrapped = Object.assign((...a: A): R => {
    const key = JSON.stringify(a);
    if (cache.has(key)) { wrapped.hits++; return cache.get(key)!; }
    const value = f(...a);
    cache.set(key, value);
    return value;
  }, { hits: 0 });
  return wrapped;
}
const slow = memoize((a: number, b: string) => b.repeat(a));
console.log(slow(2, "x"), slow(2, "x"), slow(3, "y"), slow.hits);
const pipe = <T>(...f: ((x: T) => T)[]) => (x: T): T => f.reduce((v, g) => g(v), x);
console.log(pipe<number>((x) => x + 1, (x) => x * 10)(1));
const debounce = (f: () => void, ms: number): (() => void) => { let t: NodeJS.Timeout | undefined; return () => { clearTimeout(t); t = setTimeout(f, ms); }; };
const d = debounce(() => console.log("once"), 5);
d(); d(); d();
