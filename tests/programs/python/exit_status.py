import sys

print("checking")
print("2 problems", file=sys.stderr)
sys.exit(2)
print("not reached")
