import io
import sys

sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
print("naïve café ☕")
writer = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", write_through=True)
writer.write("written by a wrapper\n")
writer.detach()
print("after", file=sys.stdout, flush=True)
