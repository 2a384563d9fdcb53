const sleep = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));
async function main() {
  console.log(await Promise.all([sleep(20, "slow"), sleep(5, "fast")]));
  console.log(await Promise.race([sleep(20, "slow"), sleep(5, "fast")]));
  const settled = await Promise.allSettled([Promise.reject(new Error("no")), 1]);
  console.log(settled.map((s) => s.status), settled[0].reason.message);
  try {
    await Promise.any([Promise.reject(new Error("a")), Promise.reject(new Error("b"))]);
  } catch (e) {
    console.log(e.constructor.name, e.errors.length);
  }
  for await (const n of (async function* () { yield 1; await sleep(1); yield 2; })()) console.log(n);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 5);
  await require("timers/promises").setTimeout(5000, null, { signal: controller.signal }).catch((e) => console.log(e.name));
  return "finished";
}
main().then(console.log).finally(() => console.log("finally"));
