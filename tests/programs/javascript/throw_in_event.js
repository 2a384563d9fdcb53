const EventEmitter = require("events");
const e = new EventEmitter();
e.on("go", (x) => { console.log("going", x); throw new Error(`while ${x}`); });
e.emit("go", 5);
