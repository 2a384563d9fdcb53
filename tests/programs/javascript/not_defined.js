console.log("first");
console.log(missing + 1);
