interface Item { name: string; rank: number }
const items: Item[] = [{ name: "b", rank: 2 }, { name: "a", rank: 2 }, { name: "c", rank: 1 }];
const by = <T>(...keys: (keyof T)[]) => (x: T, y: T): number => {
  for (const k of keys) { if (x[k] < y[k]) return -1; if (x[k] > y[k]) return 1; }
  return 0;
};
console.log([...items].sort(by<Item>("rank", "name")).map((i) => i.name).join(""));
const quick = <T>(xs: T[], less: (a: T, b: T) => boolean): T[] => {
  const [pivot, ...rest] = xs;
  return xs.length < 2 ? xs : [...quick(rest.filter((x) => less(x, pivot)), less), pivot, ...quick(rest.filter((x) => !less(x, pivot)), less)];
};
console.log(quick([3, 1, 2, 3, 0], (a, b) => a < b), [10, 9, 1].sort(), ["é", "z", "a"].sort((a, b) => a.localeCompare(b)));
const heap: number[] = [];
const push = (n: number): void => { heap.push(n); for (let i = heap.length - 1; i && heap[(i - 1) >> 1] > heap[i]; i = (i - 1) >> 1) [heap[i], heap[(i - 1) >> 1]] = [heap[(i - 1) >> 1], heap[i]]; };
[5, 3, 8, 1].forEach(push);
console.log(heap[0], heap);
