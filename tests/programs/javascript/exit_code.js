console.log("working");
console.error("it failed");
process.exitCode = 3;
