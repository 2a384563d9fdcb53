for number in range(10):
    print(number)
    if number == 3:
        exit(4)
