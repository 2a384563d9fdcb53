const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
if (isMainThread) {
  const worker = new Worker(__filename, { workerData: { n: 20 } });
  worker.on("message", (m) => console.log("sum", m));
  worker.on("error", (e) => console.log("error", e.message));
  worker.on("exit", (code) => console.log("exit", code));
} else {
  let sum = 0;
  for (let i = 1; i <= workerData.n; i++) sum += i;
  parentPort.postMessage(sum);
}
