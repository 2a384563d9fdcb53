type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
const kindOf = (x: Json): string => x === null ? "null" : Array.isArray(x) ? `array<${[...new Set(x.map(kindOf))].join("|")}>` : typeof x === "object" ? `{${Object.entries(x).map(([k, v]) => `${k}: ${kindOf(v)}`).join(", ")}}` : typeof x;
console.log(kindOf(JSON.parse('{"a": [1, "x", null], "b": {"c": true}}') as Json));
const flatten = (x: Json, prefix = ""): Record<string, Json> => x !== null && typeof x === "object" && !Array.isArray(x)
  ? Object.entries(x).reduce((all, [k, v]) => ({ ...all, ...flatten(v, prefix ? `${prefix}.${k}` : k) }), {})
  : { [prefix]: x };
console.log(flatten({ a: { b: { c: 1 } }, d: [1] }));
try { JSON.parse("[1,"); } catch (e) { console.log((e as SyntaxError).name); }
console.log(JSON.stringify({ date: new Date(0), u: undefined, n: NaN, nested: [{}] }, null, 1));
