namespace Geometry {
  export const unit = 2;
  export namespace Inner { export function twice(n: number): number { return n * unit; } }
  export interface Point { x: number; y: number }
}
const point: Geometry.Point = { x: 1, y: 2 };
console.log(Geometry.Inner.twice(21), point, Geometry.unit);
function counter() { return counter.count++; }
namespace counter { export let count = 5; }
console.log(counter(), counter(), counter.count);
