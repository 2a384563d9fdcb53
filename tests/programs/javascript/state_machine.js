const machine = {
  state: "idle",
  transitions: { idle: { start: "running" }, running: { stop: "idle", fail: "broken" } },
  send(event) {
    const next = this.transitions[this.state]?.[event];
    console.log(this.state, "--", event, "->", next ?? "refused");
    if (next) this.state = next;
    return this;
  },
};
machine.send("stop").send("start").send("fail").send("start");
const stack = [];
const rpn = "3 4 + 2 * 7 /".split(" ");
for (const token of rpn) {
  if (isNaN(token)) {
    const b = stack.pop(), a = stack.pop();
    stack.push(eval(`${a} ${token} ${b}`));
  } else stack.push(+token);
}
console.log(stack);
class LRU {
  constructor(size) { this.size = size; this.map = new Map(); }
  get(k) { const v = this.map.get(k); if (v !== undefined) { this.map.delete(k); this.map.set(k, v); } return v; }
  set(k, v) { this.map.delete(k); this.map.set(k, v); if (this.map.size > this.size) this.map.delete(this.map.keys().next().value); }
}
const lru = new LRU(2);
lru.set("a", 1); lru.set("b", 2); lru.get("a"); lru.set("c", 3);
console.log([...lru.map.keys()], lru);
