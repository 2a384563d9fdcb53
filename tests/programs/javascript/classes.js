class Animal {
  static #count = 0;
  #name;
  constructor(name) { this.#name = name; Animal.#count++; }
  get name() { return this.#name; }
  set name(value) { if (!value) throw new RangeError("empty"); this.#name = value; }
  speak() { return `${this.#name} makes a sound`; }
  static get count() { return Animal.#count; }
  static { this.kind = "animal"; }
}
class Dog extends Animal {
  speak() { return super.speak() + ": woof"; }
  [Symbol.toPrimitive](hint) { return hint === "number" ? 7 : this.name; }
}
const dog = new Dog("Rex");
console.log(dog.speak(), `${dog}`, +dog, Animal.count, Dog.kind, dog instanceof Animal);
try { dog.name = ""; } catch (e) { console.log(e.name, e.message); }
try { Animal(); } catch (e) { console.log(e.message); }
const Serializable = (Base) => class extends Base { serialize() { return JSON.stringify(this); } };
class Thing extends Serializable(Object) { a = 1; }
console.log(new Thing().serialize(), Object.getPrototypeOf(Dog) === Animal);
function Old(x) { this.x = x; }
Old.prototype.double = function () { return this.x * 2; };
console.log(new Old(4).double(), new Old(1));
class Temperature extends Error { constructor(m) { super(m); this.name = "Temperature"; this.at = 5; } }
try { throw new Temperature("hot"); } catch (e) { console.log(e.name, e.at, e instanceof Error, `${e}`); }
