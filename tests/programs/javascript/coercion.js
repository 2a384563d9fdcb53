console.log("6" * 7, "10" / 2, "3" - 1, true + 1, [] + {}, [] == false);
console.log("b" + "a" + +"a" + "a");
console.log(null + 1, undefined + 1, "5" + 3, 5 + +"3", 1 < 2 < 3, 3 > 2 > 1);
console.log(isNaN("x"), isNaN("12"), Number.isNaN("x"), parseInt("12px"), Number(""));
if (5 > "4") console.log("a number and a text");
console.log([10, 9, 1].sort(), ["1", "2", "3"].map(parseInt));
console.log(0.1 + 0.2 === 0.3, NaN === NaN, Object.is(NaN, NaN), -0);
console.log(typeof null, typeof undeclared_name, typeof function () {});
