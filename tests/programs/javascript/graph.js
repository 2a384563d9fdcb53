const graph = { A: { B: 1, C: 4 }, B: { C: 2, D: 5 }, C: { D: 1 }, D: {} };
function dijkstra(from) {
  const distance = Object.fromEntries(Object.keys(graph).map((k) => [k, Infinity]));
  distance[from] = 0;
  const open = new Set(Object.keys(graph));
  while (open.size) {
    const [near] = [...open].sort((a, b) => distance[a] - distance[b]);
    open.delete(near);
    for (const [to, cost] of Object.entries(graph[near])) {
      distance[to] = Math.min(distance[to], distance[near] + cost);
    }
  }
  return distance;
}
console.log(dijkstra("A"));
class Node {
  constructor(value) { this.value = value; this.left = this.right = null; }
}
class Tree {
  root = null;
  add(value) {
    if (!this.root) { this.root = new Node(value); return this; }
    let at = this.root;
    for (;;) {
      const side = value < at.value ? "left" : "right";
      if (!at[side]) { at[side] = new Node(value); return this; }
      at = at[side];
    }
  }
  *[Symbol.iterator](node = this.root) {
    if (!node) return;
    yield* this[Symbol.iterator](node.left);
    yield node.value;
    yield* this[Symbol.iterator](node.right);
  }
}
const tree = new Tree().add(5).add(2).add(8).add(1);
console.log([...tree], tree);
