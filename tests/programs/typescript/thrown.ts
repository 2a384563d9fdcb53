class NotFound extends Error {
  constructor(public readonly key: string) { super(`no ${key}`); this.name = "NotFound"; }
}
const store = new Map<string, number>([["a", 1]]);
function get(key: string): number {
  const value = store.get(key);
  if (value === undefined) throw new NotFound(key);
  return value;
}
console.log(get("a"));
console.log(get("b"));
