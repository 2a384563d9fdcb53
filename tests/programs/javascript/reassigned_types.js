// A variable that gets values of other types.
let value = 1;
value = "one";
console.log(typeof value, value);
value = { n: 1 };
value.more = [1, 2];
value = value.more.concat("3");
console.log(value, value.length);
var result = null;
result = result || 5;
result += " apples";
console.log(result);
