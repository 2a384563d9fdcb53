const text = "The quick brown fox";
console.log(text.split(" ").map((w) => w[0].toUpperCase() + w.slice(1)).join(" "));
console.log([..."héllo🎉"].length, "héllo🎉".length, "🎉".codePointAt(0).toString(16));
console.log("a-b-c".replaceAll("-", "+"), "x".padStart(3, "ab"), " trim ".trim() + "|");
console.log("abc".at(-1), "abc".localeCompare("abz"), "ß".toUpperCase());
console.log(`multi
line ${1 + 1}`, String.raw`a\nb`);
const tag = (parts, ...values) => parts.raw.join("|") + values;
console.log(tag`x${1}y${2}z`);
console.log("résumé".normalize("NFD").length, encodeURIComponent("a b&é"), escape("é"));
console.log("tab\tquote\"'", 'single', ["it's", 'say "hi"']);
