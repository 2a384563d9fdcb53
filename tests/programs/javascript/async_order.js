console.log("1 start");
setTimeout(() => console.log("8 timeout"), 0);
setTimeout(() => console.log("10 later"), 30);
process.nextTick(() => console.log("4 tick"));
Promise.resolve().then(() => console.log("5 micro")).then(() => console.log("7 second micro"));
queueMicrotask(() => console.log("6 queued"));
(async () => {
  console.log("2 in async");
  await null;
  await new Promise((resolve) => setTimeout(resolve, 10));
  console.log("9 after a wait");
})();
console.log("3 end");
