const list = { items: [] };
list.items.push(1);
console.log(list);
list.add(2);
