from itertools import accumulate, chain, groupby, islice, takewhile


def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


print(list(islice(fibonacci(), 10)))
print(sum(n for n in takewhile(lambda n: n < 4_000_000, fibonacci()) if n % 2 == 0))
print(list(accumulate([1, 2, 3, 4])), list(chain("ab", "cd")))
print([(key, len(list(group))) for key, group in groupby("aaabbc")])
