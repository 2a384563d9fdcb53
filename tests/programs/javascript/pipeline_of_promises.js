const steps = [async (x) => x + 1, (x) => Promise.resolve(x * 2), (x) => `result ${x}`];
steps.reduce((p, step) => p.then(step), Promise.resolve(4)).then((x) => console.log(x));
const retry = async (f, times) => {
  for (let attempt = 1; ; attempt++) {
    try { return await f(attempt); } catch (e) {
      console.log(`attempt ${attempt}: ${e.message}`);
      if (attempt === times) throw e;
    }
  }
};
retry(async (n) => { if (n < 3) throw new Error("flaky"); return "ok"; }, 5).then(console.log);
retry(() => { throw new Error("broken"); }, 2).catch((e) => console.error("gave up:", e.message));
class Queue {
  #jobs = []; #running = 0;
  constructor(limit) { this.limit = limit; }
  push(job) { return new Promise((done) => { this.#jobs.push([job, done]); this.#next(); }); }
  #next() {
    while (this.#running < this.limit && this.#jobs.length) {
      const [job, done] = this.#jobs.shift();
      this.#running++;
      job().then((x) => { this.#running--; done(x); this.#next(); });
    }
  }
}
const queue = new Queue(2);
Promise.all([30, 10, 20].map((ms) => queue.push(() => new Promise((r) => setTimeout(r, ms, ms))))).then((x) => console.log(x));
