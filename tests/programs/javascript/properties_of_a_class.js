class Point {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
  get length() {
    return Math.hypot(this.x, this.y);
  }
  static origin = new Point(0, 0);
  toString() {
    return `(${this.x}, ${this.y})`;
  }
}
const p = new Point(3, 4);
p.label = "added";
Point.count = 1;
console.log(p, `${p}`, p.length, Point.origin, Point.count);
console.log(p.missing, p.constructor.name, Object.keys(p));
const empty = {};
empty.first = 1;
empty["second one"] = 2;
console.log(empty);
