import collections
import re

TEXT = """It was the best of times, it was the worst of times,
it was the age of wisdom, it was the age of foolishness"""

words = re.findall(r"[a-z]+", TEXT.lower())
for word, count in collections.Counter(words).most_common(5):
    print(f"{word:<8}{count:>3}")
print(len(set(words)), "different words")
