const { EventEmitter, once } = require("events");
const { Readable, Transform, pipeline } = require("stream");
class Door extends EventEmitter {}
const door = new Door();
door.once("open", (who) => console.log("once", who));
door.on("open", (who) => console.log("on", who));
console.log(door.emit("open", "me"), door.emit("open", "you"), door.emit("none"), door.listenerCount("open"));
const upper = new Transform({ transform(chunk, _, done) { done(null, String(chunk).toUpperCase()); } });
const parts = [];
pipeline(Readable.from(["a", "b", "c"]), upper, async function* (source) { for await (const c of source) parts.push(`${c}`); }, (error) => {
  console.log("piped", error, parts);
  Readable.from([1, 2, 3]).map((x) => x * 2).toArray().then((x) => console.log(x));
});
once(door, "close").then(([x]) => console.log("closed", x));
door.emit("close", 1);
Readable.from(["streamed\n"]).pipe(process.stdout);
