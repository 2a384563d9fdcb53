async function job(n: number): Promise<number> {
  await null;
  if (n > 1) throw new RangeError(`${n} is too much`);
  return n;
}
job(1).then(console.log);
job(2);
