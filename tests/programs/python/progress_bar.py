import sys

for done in range(0, 101, 20):
    sys.stderr.write(f"\r{done:3d}% [{'#' * (done // 10):<10}]")
    sys.stderr.flush()
sys.stderr.write("\n")
print("finished")
