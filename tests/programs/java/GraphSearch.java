import java.util.*;

public class GraphSearch {
    private final Map<String, Map<String, Integer>> edges = new TreeMap<>();

    void edge(String a, String b, int length) {
        edges.computeIfAbsent(a, k -> new TreeMap<>()).put(b, length);
        edges.computeIfAbsent(b, k -> new TreeMap<>()).put(a, length);
    }

    List<String> breadthFirst(String start) {
        Set<String> seen = new LinkedHashSet<>(Set.of(start));
        Deque<String> queue = new ArrayDeque<>(seen);
        while (!queue.isEmpty()) {
            for (String next : edges.get(queue.poll()).keySet()) if (seen.add(next)) queue.add(next);
        }
        return new ArrayList<>(seen);
    }

    void depthFirst(String at, Set<String> seen, int depth) {
        if (!seen.add(at)) return;
        System.out.println("  ".repeat(depth) + at);
        edges.get(at).keySet().forEach(next -> depthFirst(next, seen, depth + 1));
    }

    Optional<String> shortest(String from, String to) {
        record Path(String end, int length, String way) {}
        PriorityQueue<Path> open = new PriorityQueue<>(Comparator.comparingInt(Path::length));
        open.add(new Path(from, 0, from));
        Set<String> done = new HashSet<>();
        while (!open.isEmpty()) {
            Path best = open.poll();
            if (best.end().equals(to)) return Optional.of(best.way() + " in " + best.length());
            if (!done.add(best.end())) continue;
            edges.getOrDefault(best.end(), Map.of()).forEach((next, length) ->
                    open.add(new Path(next, best.length() + length, best.way() + ">" + next)));
        }
        return Optional.empty();
    }

    public static void main(String[] args) {
        GraphSearch graph = new GraphSearch();
        graph.edge("A", "B", 7);
        graph.edge("A", "C", 3);
        graph.edge("C", "B", 1);
        graph.edge("B", "D", 2);
        graph.edge("C", "D", 8);
        graph.edge("X", "Y", 1);
        System.out.println(graph.breadthFirst("A"));
        graph.depthFirst("A", new HashSet<>(), 0);
        System.out.println(graph.shortest("A", "D").orElse("none"));
        System.out.println(graph.shortest("A", "Y").orElse("none"));
    }
}
