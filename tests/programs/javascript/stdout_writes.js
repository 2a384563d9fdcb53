process.stdout.write("no newline");
process.stdout.write("\n");
process.stderr.write("to stderr\n");
process.stdout.write(Buffer.from("bytes\n"));
process.stdout.write("616263", "hex");
process.stdout.write("\n", () => console.log("written"));
console.log(process.stdout.isTTY, process.stdout.columns);
try { process.stdout.write(5); } catch (e) { console.log(e.code); }
