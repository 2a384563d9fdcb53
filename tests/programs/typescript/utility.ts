type Nullable<T> = T | null | undefined;
const lengths = (xs: Nullable<string>[]): number[] => xs.map((x) => x?.length ?? -1);
console.log(lengths(["abc", null, undefined, ""]));
const record: Record<"a" | "b", number> = { a: 1, b: 2 };
let key: keyof typeof record;
for (key in record) console.log(key, record[key]);
const literal = { kind: "fixed", list: [1, 2] } as const;
type Kind = (typeof literal)["kind"];
const kind: Kind = "fixed";
console.log(kind, literal);
function assertText(x: unknown): asserts x is string { if (typeof x !== "string") throw new TypeError("no text"); }
const unknown: unknown = "known";
assertText(unknown);
console.log(unknown.length);
try { assertText(5); } catch (e) { console.log(`${e}`); }
type A = Awaited<Promise<Promise<number>>>;
const a: A = 3; let u: Exclude<"x" | "y", "x"> = "y"; var any: any = 5; any = "any";
console.log(a, u, any.length, typeof any, Symbol("s") as symbol);
