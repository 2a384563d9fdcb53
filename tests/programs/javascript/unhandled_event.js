const { EventEmitter } = require("node:events");
new EventEmitter().emit("error", new URIError("nobody listens"));
