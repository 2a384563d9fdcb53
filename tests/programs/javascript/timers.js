let n = 0;
const interval = setInterval(() => {
  console.log("tick", ++n);
  if (n === 3) clearInterval(interval);
}, 5);
const never = setTimeout(() => console.log("never"), 20);
clearTimeout(never);
setTimeout((a, b) => console.log(a, b), 40, "with", "arguments");
const unref = setTimeout(() => console.log("unref"), 100_000);
unref.unref();
console.log(typeof interval, interval.hasRef(), unref.hasRef());
