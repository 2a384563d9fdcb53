def average(numbers):
    return sum(numbers) / len(numbers)


print(average([1, 2, 3]))
print(average([]))
