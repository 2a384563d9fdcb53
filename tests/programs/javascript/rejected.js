async function load() {
  await null;
  throw new TypeError("not loaded");
}
load().then(() => console.log("never"));
