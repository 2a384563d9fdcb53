import { setTimeout as sleep } from "timers/promises";
const value: number = await sleep(2, 42);
console.log(value, this, import.meta.url.startsWith("file:"));
const { join } = await import("path");
console.log(join("a", "b"));
export const exported: string = "kept";
export default class Unused {}
for await (const x of [Promise.resolve(1), 2]) console.log(x);
console.log(exported, new Unused());
