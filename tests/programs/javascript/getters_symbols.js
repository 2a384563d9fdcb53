const id = Symbol("id");
const o = { [id]: 1, visible: 2, get sum() { return this[id] + this.visible; } };
console.log(o, o.sum, Object.keys(o), JSON.stringify(o), Symbol.for("x") === Symbol.for("x"));
Object.defineProperty(o, "hidden", { value: 3, enumerable: false });
console.log(o.hidden, Object.getOwnPropertyNames(o), Object.getOwnPropertyDescriptor(o, "hidden"));
class Temp { static [Symbol.hasInstance](x) { return x === 5; } get [Symbol.toStringTag]() { return "T"; } }
console.log(5 instanceof Temp, `${new Temp()}`, String(Symbol("s")), id.description);
const ws = new WeakSet([o]);
console.log(ws.has(o), new WeakRef(o).deref() === o, Object.isFrozen(Object.freeze([])));
label: { console.log("in"); break label; }
var undefined_var;
console.log(undefined_var, undefined_var ?? "nullish", undefined_var?.x, !!"", !!"0", (null ?? 0) || 1);
