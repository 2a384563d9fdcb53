const people = [
  { name: "Ann", age: 31, team: "red" },
  { name: "Bob", age: 25, team: "blue" },
  { name: "Cy", age: 42, team: "red" },
];
const by = people.reduce((groups, p) => { (groups[p.team] ||= []).push(p.name); return groups; }, {});
console.log(by);
console.log(people.filter((p) => p.age > 30).map(({ name, age }) => `${name} (${age})`).join(", "));
console.table(people);
console.log(people.sort((a, b) => a.name < b.name ? 1 : -1)[0], people.some((p) => p.age > 40));
const csv = "id,price\n1,2.50\n2,10\n";
const [header, ...rows] = csv.trim().split("\n").map((line) => line.split(","));
const table = rows.map((row) => Object.fromEntries(row.map((cell, i) => [header[i], isNaN(cell) ? cell : +cell])));
console.log(table, table.reduce((sum, r) => sum + r.price, 0));
const counts = new Map();
for (const word of "to be or not to be".split(" ")) counts.set(word, (counts.get(word) ?? 0) + 1);
console.log(counts, [...counts].sort(([, a], [, b]) => b - a)[0]);
const { name: who, ...others } = people[0];
console.log(who, others, { ...others, age: 0 }, [[1, 2], [3, [4]]].flat(Infinity));
