const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
function supervise() {
  const worker = new Worker(__filename, { workerData: { n: 20 } });
  worker.on("message", (m) => console.log("sum", m));
  worker.on("error", (e) => console.log("error", e.message));
  return new Promise((resolve) => worker.on("exit", (code) => resolve(console.log("exit", code))));
}
function work() {
  let sum = 0;
  for (let i = 1; i <= workerData.n; i++) sum += i;
  parentPort.postMessage(sum);
}
isMainThread ? supervise() : work();
