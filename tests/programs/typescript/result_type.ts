type Result<T, E = Error> = { ok: true; value: T } | { ok: false; error: E };
const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });
const err = <E>(error: E): Result<never, E> => ({ ok: false, error });
function divide(a: number, b: number): Result<number, string> { return b === 0 ? err("by zero") : ok(a / b); }
for (const [a, b] of [[6, 3], [1, 0]] as const) {
  const r = divide(a, b);
  console.log(r.ok ? r.value : (r as { error: string }).error);
}
const chain = [ok(1), err("bad"), ok(3)].map((r) => (r.ok ? r.value * 2 : null));
console.log(chain, chain.filter((x): x is number => x !== null));
