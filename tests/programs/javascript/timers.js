let n = 0;
const interval = setInterval(() => {
  console.log("tick", ++n);
  if (n < 3) return;
  clearInterval(interval);
  setTimeout((a, b) => console.log(a, b), 5, "with", "arguments");
}, 5);
const never = setTimeout(() => console.log("never"), 20);
clearTimeout(never);
const unref = setTimeout(() => {}, 100_000);
unref.unref();
console.log(typeof interval, interval.hasRef(), unref.hasRef());
