interface Sale { region: string; amount: number; date: Date }
const sales: Sale[] = [
  { region: "north", amount: 10.5, date: new Date("2024-01-05T00:00:00Z") },
  { region: "south", amount: 20, date: new Date("2024-02-01T00:00:00Z") },
  { region: "north", amount: 5, date: new Date("2024-01-20T00:00:00Z") },
];
const totals = sales.reduce<Record<string, number>>((all, { region, amount }) => {
  all[region] = (all[region] ?? 0) + amount;
  return all;
}, {});
console.table(totals);
console.log(sales.sort((a, b) => a.date.getTime() - b.date.getTime()).map((s) => s.date.toISOString().slice(0, 7)));
const months = new Map<number, Sale[]>();
for (const sale of sales) {
  const month = sale.date.getUTCMonth();
  months.set(month, [...(months.get(month) ?? []), sale]);
}
console.log([...months].map(([m, s]) => [m, s.length]), JSON.stringify(sales[0]));
