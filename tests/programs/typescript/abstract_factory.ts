type Constructor<T = {}> = new (...a: any[]) => T;
function Timestamped<B extends Constructor>(Base: B) { return class extends Base { stamp = 5; }; }
function Named<B extends Constructor>(Base: B) { return class extends Base { name = "mixed"; hello() { return `hi ${this.name}`; } }; }
class Empty {}
const Mixed = Named(Timestamped(Empty));
const mixed = new Mixed();
console.log(mixed.hello(), mixed.stamp, mixed instanceof Empty);
const registry: { [name: string]: () => object } = { a: () => new Empty(), b: () => mixed };
console.log(Object.keys(registry).map((k) => registry[k]().constructor.name.length >= 0));
class Singleton { private constructor() {} private static one?: Singleton; static get(): Singleton { return (this.one ??= new Singleton()); } }
console.log(Singleton.get() === Singleton.get());
