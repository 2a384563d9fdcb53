import functools


def memo(function):
    known = {}

    @functools.wraps(function)
    def wrapper(*args):
        if args not in known:
            print("computing", args)
            known[args] = function(*args)
        return known[args]

    return wrapper


@memo
def power(base, exponent):
    """Raise."""
    return base**exponent


print(power(2, 8), power(2, 8), power(3, 2))
print(power.__name__, power.__doc__)
