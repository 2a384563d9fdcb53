process.once("uncaughtException", (e) => console.log("caught", e.message));
setTimeout(() => { throw new Error("in a timer"); }, 1);
const emitter = new (require("events"))();
try { emitter.emit("error", new Error("unheard")); } catch (e) { console.log(e.message); }
Promise.reject(new Error("handled")).catch((e) => console.log(e.message));
console.log(new Error("outer", { cause: new Error("inner") }).cause.message);
const e = new AggregateError([new Error("1")], "many");
console.log(e.errors.length, e.message, Error.captureStackTrace({}), typeof e.stack);
