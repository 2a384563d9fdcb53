const { Worker } = require("worker_threads");
const code = `
  const { parentPort, workerData } = require("worker_threads");
  parentPort.postMessage(workerData.reduce((a, b) => a + b));
  parentPort.on("message", (m) => { parentPort.postMessage(m * 2); parentPort.close(); });
`;
const worker = new Worker(code, { eval: true, workerData: [1, 2, 3] });
worker.on("message", (m) => { console.log("got", m); if (m === 6) worker.postMessage(21); });
worker.on("exit", (code) => console.log("exit", code));
new Promise((resolve) => worker.on("exit", resolve));
