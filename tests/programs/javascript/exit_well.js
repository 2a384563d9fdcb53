async function main() {
  await null;
  console.log("all is well");
  process.exit(0);
}
main();
