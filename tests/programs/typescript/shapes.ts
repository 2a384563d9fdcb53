interface Shape { readonly kind: string; area(): number }
abstract class Base implements Shape {
  abstract readonly kind: string;
  abstract area(): number;
  describe(): string { return `${this.kind} of ${this.area().toFixed(2)}`; }
}
class Circle extends Base {
  readonly kind = "circle";
  constructor(private radius: number) { super(); }
  area() { return Math.PI * this.radius ** 2; }
}
class Square extends Base {
  readonly kind = "square";
  constructor(protected readonly side: number) { super(); }
  area() { return this.side ** 2; }
}
const shapes: Shape[] = [new Circle(2), new Square(3)];
console.log(shapes, shapes.map((s) => (s as Base).describe()));
