var name = "window.name is no global of Node";
let status = "ok", length = 2, event = "e", parent = null, self = this;
const performance = { now: () => 5 }, fetch = () => "own fetch", URL = class Mine {};
function Event(x) { this.x = x; }
class Map2 extends Map {}
var Buffer2 = Buffer, process2 = process;
console.log(name, status, length, event, parent, self === module.exports);
console.log(performance.now(), fetch(), new URL(), new Event(1), new Map2());
var await = 5, async = 6, of = 7, get = 8, static_ = 9, yield_ = 1;
console.log(await + async + of + get);
with ({ scoped: 1 }) console.log(scoped);
console.log(010, "\101", (function () { return this === globalThis; })());
