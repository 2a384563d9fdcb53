from concurrent.futures import ThreadPoolExecutor, as_completed


def length(text):
    if not text:
        raise ValueError("empty")
    return len(text)


with ThreadPoolExecutor(max_workers=3) as pool:
    print(list(pool.map(length, ["a", "bb", "ccc"])))
    futures = {pool.submit(length, text): text for text in ["", "four"]}
    for line in sorted(f"{futures[f]!r}: {f.exception() or f.result()}" for f in as_completed(futures)):
        print(line)
