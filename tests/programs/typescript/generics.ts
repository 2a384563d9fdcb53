function first<T>(items: readonly T[], fallback: T): T { return items.length ? items[0]! : fallback; }
class Stack<T extends { toString(): string }> {
  #items: T[] = [];
  push(...items: T[]): this { this.#items.push(...items); return this; }
  pop(): T | undefined { return this.#items.pop(); }
  get size(): number { return this.#items.length; }
}
const stack = new Stack<number>().push(1, 2, 3);
console.log(first<string>([], "none"), first([5], 0), stack.pop(), stack.size, stack);
const pick = <T, K extends keyof T>(o: T, ...keys: K[]): Pick<T, K> =>
  Object.fromEntries(keys.map((k) => [k, o[k]])) as Pick<T, K>;
console.log(pick({ a: 1, b: "x", c: true }, "a", "c"));
type Tree<T> = { value: T; children?: Tree<T>[] };
const sum = (t: Tree<number>): number => t.value + (t.children ?? []).reduce((s, c) => s + sum(c), 0);
console.log(sum({ value: 1, children: [{ value: 2 }, { value: 3, children: [{ value: 4 }] }] }));
