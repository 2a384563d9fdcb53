const { EventEmitter } = require("node:events");
setTimeout(() => console.log("never"), 1000).unref();
new EventEmitter().emit("error", new URIError("nobody listens"));
