from dataclasses import asdict, dataclass, field, replace


@dataclass(order=True)
class Item:
    price: float
    name: str = field(compare=False)
    tags: list = field(default_factory=list, compare=False)


items = [Item(3.5, "tea"), Item(2.0, "bread", ["food"]), Item(9.9, "wine")]
print(sorted(items))
print(asdict(min(items)))
print(replace(items[0], price=4))
