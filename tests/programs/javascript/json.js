const data = { name: "x", list: [1, , null, undefined, NaN], f() {}, d: new Date(0), n: { u: undefined } };
console.log(JSON.stringify(data));
console.log(JSON.stringify({ a: [1, { b: 2 }] }, null, 2));
console.log(JSON.parse('{"a": [1, 2, {"b": null}]}', (k, v) => (Array.isArray(v) ? v.length : v)));
try {
  JSON.parse("{bad json}");
} catch (e) {
  console.log(e instanceof SyntaxError, e.name);
}
const loop = {};
loop.self = loop;
try {
  JSON.stringify(loop);
} catch (e) {
  console.log(e.message.split("\n")[0]);
}
console.log(loop);
try {
  JSON.stringify({ big: 10n });
} catch (e) {
  console.log(e.message);
}
console.log(JSON.stringify("\u2028é\ud800"), JSON.stringify({ toJSON: () => "own" }));
