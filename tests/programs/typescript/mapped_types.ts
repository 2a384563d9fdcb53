type Getters<T> = { [K in keyof T as `get${Capitalize<string & K>}`]: () => T[K] };
interface Person { name: string; age: number }
function getters<T extends object>(o: T): Getters<T> {
  const made: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(o)) made[`get${k[0].toUpperCase()}${k.slice(1)}`] = () => v;
  return made as Getters<T>;
}
const g = getters<Person>({ name: "Ann", age: 3 });
console.log(g.getName(), g.getAge(), Object.keys(g));
type Deep<T> = T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T;
const config: Deep<{ a: { b: number[] } }> = { a: { b: [1] } };
const partial: Partial<Person> = { age: 1 };
const required: Required<Person> = { name: "x", ...partial } as Required<Person>;
console.log(config, partial, required satisfies Person);
