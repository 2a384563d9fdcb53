const user = { name: "x" };
console.log(user.address?.street);
console.log(user.address.street);
