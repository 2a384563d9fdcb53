(async () => {
  console.log("working");
  await new Promise((r) => setTimeout(r, 5));
  null.x;
})();
