from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def step(name):
    print("begin", name)
    try:
        yield name.upper()
    except KeyError as error:
        print("swallowed", repr(error))
    finally:
        print("end", name)


with step("one") as name, step("two"):
    print("inside", name)
    {}["missing"]
with ExitStack() as stack:
    for letter in "ab":
        stack.enter_context(step(letter))
with suppress(ZeroDivisionError):
    1 / 0
