process.on("exit", (code) => console.log("leaving with", code));
console.log("before");
try {
  process.exit(4);
} finally {
  console.log("never");
}
console.log("never");
