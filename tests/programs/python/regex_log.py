import re

LOG = """2024-01-01 10:00:01 ERROR db: timeout after 30s
2024-01-01 10:00:05 INFO web: GET /index 200
2024-01-01 10:00:09 ERROR web: GET /missing 404"""
pattern = re.compile(r"(?P<day>\S+) (?P<time>\S+) (?P<level>\w+) (?P<part>\w+): (?P<text>.*)")
for match in pattern.finditer(LOG):
    if match["level"] == "ERROR":
        print(match["part"], "->", match["text"])
print(re.sub(r"(\d+)s", lambda m: f"{int(m[1]) * 1000}ms", LOG.splitlines()[0]))
