const start = new Date("2024-02-28T00:00:00Z");
const end = new Date("2024-03-01T12:30:00Z");
const days = (end - start) / 86_400_000;
console.log(days.toFixed(3), Math.round(days));
const sorted = [end, start].sort((a, b) => a - b);
console.log(sorted.map((d) => d.toISOString().slice(0, 10)));
console.log(new Date(Date.UTC(2020, 11, 31)).getUTCDay(), new Date("x").getTime());
try {
  new Date("nonsense").toISOString();
} catch (e) {
  console.log(e.name, e.message);
}
console.log(start);
console.log(JSON.stringify({ at: end }), end > start, +end);
