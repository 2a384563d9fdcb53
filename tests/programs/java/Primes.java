// Counts primes in three ways, as a benchmark would.
import java.util.*;
import java.util.stream.*;

public class Primes {
    /** The sieve of Eratosthenes. */
    static BitSet sieve(int n) {
        BitSet prime = new BitSet(n + 1);
        prime.set(2, n + 1);
        for (int i = prime.nextSetBit(2); i >= 0 && (long) i * i <= n; i = prime.nextSetBit(i + 1)) {
            for (int j = i * i; j <= n; j += i) prime.clear(j);
        }
        return prime;
    }

    static boolean isPrime(int n) {
        return n > 1 && IntStream.rangeClosed(2, (int) Math.sqrt(n)).noneMatch(d -> n % d == 0);
    }

    static Map<Integer, Integer> factors(int n) {
        Map<Integer, Integer> found = new TreeMap<>();
        for (int d = 2; n > 1; d++) {
            while (n % d == 0) {
                found.merge(d, 1, Integer::sum);
                n /= d;
            }
        }
        return found;
    }

    public static void main(String... args) {
        System.out.println(sieve(50));
        System.out.println(sieve(100_000).cardinality());
        System.out.println(IntStream.range(0, 10_000).parallel().filter(Primes::isPrime).count());
        for (int n : List.of(360, 97, 1001)) System.out.println(n + " = " + factors(n));
        outer:
        for (int i = 2; ; i++) {
            for (int j = 2; j < i; j++) {
                if (i % j == 0) continue outer;
            }
            System.out.print(i + (i > 30 ? "\n" : ", "));
            if (i > 30) break outer;
        }
    }
}
