class Registry(type):
    known = {}

    def __new__(mcs, name, bases, namespace):
        cls = super().__new__(mcs, name, bases, namespace)
        mcs.known[name] = cls
        return cls


class Plugin(metaclass=Registry):
    def __init_subclass__(cls, **options):
        print("subclass", cls.__name__, options)


class Loud(Plugin):
    def __call__(self, text):
        return text.upper() + "!"


print(sorted(Registry.known), Registry.known["Loud"]()("hey"))
