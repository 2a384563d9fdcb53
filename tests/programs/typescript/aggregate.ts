async function main(): Promise<void> {
  const settled = await Promise.allSettled([1, Promise.reject(new Error("two")), new Promise<number>((r) => setTimeout(r, 2, 3))]);
  for (const s of settled) console.log(s.status, s.status === "fulfilled" ? s.value : (s.reason as Error).message);
  try { await Promise.any([Promise.reject(new Error("x"))]); } catch (e) { if (e instanceof AggregateError) console.log(e.errors.length, e.message); }
  const e = new Error("outer", { cause: new TypeError("inner") });
  console.log((e.cause as Error).name);
  throw new EvalError("finally");
}
main().catch((e: Error) => { console.error(e.name, e.message); process.exitCode = 5; });
