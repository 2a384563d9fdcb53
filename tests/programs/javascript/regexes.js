const log = "2024-01-15 ERROR [db] timeout; 2024-01-16 INFO [web] ok";
const pattern = /(?<date>\d{4}-\d\d-\d\d) (?<level>[A-Z]+) \[(?<part>\w+)\]/g;
for (const match of log.matchAll(pattern)) console.log(match.index, { ...match.groups });
console.log("aBc".replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`));
console.log(/(\d+)-\1/.test("12-12"), "x1y22".match(/\d+/g), "none".match(/\d/));
console.log("a1b2".split(/(\d)/), /\u{1F389}/u.test("🎉"), /^b/m.exec("a\nb").index);
const sticky = /foo/y;
sticky.lastIndex = 3;
console.log(sticky.test("barfoo"), sticky.lastIndex);
console.log("price: $5".replace(/\$(\d)/, "€$1"), /(?<=\$)\d+/.exec("$42")[0]);
console.log(/a(?<n>b)?/.exec("a"));
try {
  new RegExp("(");
} catch (e) {
  console.log(e.name, e.message);
}
