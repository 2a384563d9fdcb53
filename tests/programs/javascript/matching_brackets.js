const pairs = { ")": "(", "]": "[", "}": "{" };
const balanced = (text) => {
  const open = [];
  for (const c of text) {
    if ("([{".includes(c)) open.push(c);
    else if (c in pairs && open.pop() !== pairs[c]) return false;
  }
  return !open.length;
};
["()[]{}", "([)]", "", "((("].forEach((t) => console.log(JSON.stringify(t), balanced(t)));
const roman = (n) => [[1000, "M"], [900, "CM"], [500, "D"], [400, "CD"], [100, "C"], [90, "XC"], [50, "L"], [40, "XL"], [10, "X"], [9, "IX"], [5, "V"], [4, "IV"], [1, "I"]]
  .reduce((s, [v, r]) => { while (n >= v) { s += r; n -= v; } return s; }, "");
console.log([4, 9, 1994, 2024].map(roman));
for (let i = 1; i <= 15; i++) console.log(i % 15 ? i % 5 ? i % 3 ? i : "Fizz" : "Buzz" : "FizzBuzz");
