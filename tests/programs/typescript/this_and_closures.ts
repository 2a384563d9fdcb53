class Button {
  clicks = 0;
  readonly onClick = (): number => ++this.clicks;
  static make(): Button { return new this(); }
}
const { onClick } = Button.make();
console.log(onClick(), onClick());
var late: (() => number)[] = [];
for (var i = 0; i < 3; i++) { const j = i; late.push(() => j * 10 + i); }
console.log(late.map((f) => f()), i);
function strict(this: unknown) { return this; }
console.log((strict as () => unknown)());
const o = { n: 1, get double(): number { return this.n * 2; }, method(): () => number { return () => this.n; } };
console.log(o.double, o.method()(), hoisted(2));
function hoisted(x: number): number { return x ** 3; }
