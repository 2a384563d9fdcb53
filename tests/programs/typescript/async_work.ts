const sleep = <T>(ms: number, value: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, ms, value));
interface Answer { id: number; ok: boolean }
async function fetchAll(ids: number[]): Promise<Answer[]> {
  return Promise.all(ids.map(async (id): Promise<Answer> => ({ id: await sleep(10 - id, id), ok: id % 2 === 0 })));
}
async function* ticks(n: number): AsyncGenerator<number, string, void> {
  for (let i = 0; i < n; i++) yield await sleep(1, i);
  return "done";
}
async function main(): Promise<void> {
  console.log(await fetchAll([1, 2, 3]));
  for await (const t of ticks(2)) console.log("tick", t);
  try {
    await sleep(1, 0).then(() => { throw new TypeError("refused"); });
  } catch (error: unknown) {
    if (error instanceof Error) console.log(error.name, error.message);
  }
}
main().then(() => console.log("end"));
