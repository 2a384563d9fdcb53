def multiply(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


identity = [[int(i == j) for j in range(3)] for i in range(3)]
rotation = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
print(multiply(rotation, rotation))
assert multiply(rotation, identity) == rotation
for row in multiply([[1, 2], [3, 4]], [[5, 6], [7, 8]]):
    print(*row, sep="\t")
