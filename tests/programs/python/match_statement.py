def describe(shape):
    match shape:
        case {"kind": "circle", "r": r}:
            return f"circle of {r}"
        case [x, y, *rest]:
            return f"list {x} {y} and {len(rest)} more"
        case str() | int() as plain:
            return f"plain {plain}"
        case _:
            return "unknown"


for shape in ({"kind": "circle", "r": 2}, [1, 2, 3, 4], "text", 5, None):
    print(describe(shape))
