import { once } from "node:events";
import { Worker } from "node:worker_threads";
const worker = new Worker("require('worker_threads').parentPort.postMessage([1, 2].map((x) => x * 2))", { eval: true });
worker.once("message", (m: number[]) => console.log(m));
once(worker, "exit").then(([code]: number[]) => console.log("exit", code));
