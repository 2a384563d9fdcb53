function parse(x: string): number;
function parse(x: number): string;
function parse(x: string | number): string | number { return typeof x === "string" ? Number(x) : String(x); }
console.log(parse("4") + 1, parse(4) + "1");
function rest(this: { n: number }, first: string, second?: number, ...others: boolean[]): string {
  return [this.n, first, second, others.length].join();
}
console.log(rest.call({ n: 1 }, "a"), rest.call({ n: 2 }, "b", 3, true, false));
const add = (a: number, b = 2): number => a + b;
type Operation = typeof add;
const operations: Record<string, Operation> = { add, sub: (a, b = 1) => a - b };
for (const [name, f] of Object.entries(operations)) console.log(name, f(10), f(10, 5));
const tuple: [string, number, boolean?] = ["a", 1];
const [s, n] = tuple;
console.log(s, n, <number>n + 1, n!);
