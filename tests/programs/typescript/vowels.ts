const count = (text: string): Map<string, number> => {
  const found = new Map<string, number>();
  for (const c of text.toLowerCase()) if ("aeiou".includes(c)) found.set(c, (found.get(c) ?? 0) + 1);
  return found;
};
const found: ReadonlyMap<string, number> = count("The quick brown fox jumps over the lazy dog");
console.log(found, [...found.entries()].sort(([, a], [, b]) => b - a)[0]);
const matrix: number[][] = [[1, 2, 3], [4, 5, 6]];
const transposed = matrix[0].map((_, i) => matrix.map((row) => row[i]));
console.log(transposed, matrix.flat().reduce((a: number, b: number): number => a + b));
const date = new Date(Date.UTC(2024, 1, 29));
console.log(date.toISOString(), date.getUTCDay(), (new Date(0)).getTime() - date.getTime());
