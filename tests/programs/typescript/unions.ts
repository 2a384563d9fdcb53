type Event1 = { type: "click"; x: number; y: number } | { type: "key"; key: string } | { type: "close" };
function handle(event: Event1): string {
  switch (event.type) {
    case "click": return `at ${event.x},${event.y}`;
    case "key": return `pressed ${event.key}`;
    case "close": return "closed";
    default: { const never: never = event; return never; }
  }
}
const events: Event1[] = [{ type: "click", x: 1, y: 2 }, { type: "key", key: "q" }, { type: "close" }];
events.forEach((e) => console.log(handle(e)));
const isText = (x: unknown): x is string => typeof x === "string";
const mixed: (string | number | null)[] = ["a", 1, null, "b"];
console.log(mixed.filter(isText).map((s) => s.toUpperCase()));
let value: string | number = "text";
console.log(value.length);
value = 42;
console.log(value.toFixed(1));
