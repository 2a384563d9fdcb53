import argparse

parser = argparse.ArgumentParser(prog="tool")
parser.add_argument("name")
parser.add_argument("-n", "--count", type=int, default=1)
options = parser.parse_args(["bob", "-n", "3"])
print(options.name * options.count)
parser.parse_args(["bob", "-n", "many"])
