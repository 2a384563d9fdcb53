import heapq

GRAPH = {"a": {"b": 4, "c": 1}, "b": {"d": 1}, "c": {"b": 2, "d": 5}, "d": {}}


def shortest(start):
    best, heap = {start: 0}, [(0, start)]
    while heap:
        cost, node = heapq.heappop(heap)
        for neighbour, step in GRAPH[node].items():
            if cost + step < best.get(neighbour, float("inf")):
                best[neighbour] = cost + step
                heapq.heappush(heap, (best[neighbour], neighbour))
    return best


print(shortest("a"))
