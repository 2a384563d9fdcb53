const fixed = 1;
try {
  fixed = 2;
} catch (e) {
  console.log(e.name + ": " + e.message);
}
try {
  console.log(early);
  let early = 1;
} catch (e) {
  console.log(e.name + ": " + e.message);
}
const frozen = Object.freeze({ a: 1 });
frozen.a = 2;
console.log(frozen, fixed);
(function () {
  "use strict";
  try {
    frozen.b = 1;
  } catch (e) {
    console.log(e.message);
  }
  try {
    undeclared = 1;
  } catch (e) {
    console.log(e.message);
  }
})();
let x = 1;
{
  let x = 2;
  console.log(x);
}
console.log(x);
