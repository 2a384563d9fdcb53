import java.util.LinkedHashMap;
import java.util.Map;

public class LruCache<K, V> extends LinkedHashMap<K, V> {
    private final int capacity;

    public LruCache(int capacity) {
        super(16, 0.75f, true);
        this.capacity = capacity;
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
        return size() > capacity;
    }

    public static void main(String[] args) {
        LruCache<String, Integer> cache = new LruCache<>(3);
        for (String word : "one two three one four two".split(" ")) {
            Integer seen = cache.get(word);
            System.out.println(word + " -> " + (seen == null ? "miss" : "hit " + seen));
            cache.put(word, word.length());
        }
        System.out.println(cache);
        System.out.println(cache.keySet());
    }
}
