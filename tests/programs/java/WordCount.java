import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

public class WordCount {
    public static void main(String[] args) {
        String text = """
                The quick brown fox jumps over the lazy dog.
                The dog sleeps; the fox, however, does not sleep.
                    "Quick!" says the fox \
                to nobody.
                """;
        System.out.print(text);
        Map<String, Long> counts = Arrays.stream(text.toLowerCase().split("\\W+"))
                .filter(word -> !word.isEmpty())
                .collect(Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
        counts.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .limit(5)
                .forEach(entry -> System.out.printf("%8s %d%n", entry.getKey(), entry.getValue()));
        String longest = counts.keySet().stream().max(Comparator.comparingInt(String::length)).orElseThrow();
        System.out.println("longest: " + longest);
    }
}
