import * as path from "path";
import fs, { readFileSync, type Stats } from "node:fs";
import { EventEmitter } from "events";
import type { Readable } from "stream";
import os from "os";
const dir: string = fs.mkdtempSync(path.join(os.tmpdir(), "program-"));
const file = path.join(dir, "x.json");
fs.writeFileSync(file, JSON.stringify({ n: [1, 2] }));
const stats: Stats = fs.statSync(file);
const read: { n: number[] } = JSON.parse(readFileSync(file, "utf8"));
console.log(stats.size, read.n.map((n) => n + 1), path.extname(file));
class Bus extends EventEmitter { fire(n: number): boolean { return this.emit("n", n); } }
const bus = new Bus();
bus.on("n", (n: number) => console.log("heard", n));
console.log(bus.fire(7));
let nothing: Readable | undefined;
console.log(nothing);
fs.rmSync(dir, { recursive: true });
