import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

public class Fibonacci {
    private static final Map<Integer, BigInteger> MEMO = new HashMap<>();

    static BigInteger fib(int n) {
        if (n < 2) return BigInteger.valueOf(n);
        BigInteger known = MEMO.get(n);
        if (known == null) {
            known = fib(n - 1).add(fib(n - 2));
            MEMO.put(n, known);
        }
        return known;
    }

    public static void main(String[] args) {
        for (int i : new int[] {0, 1, 10, 50, 100, 300}) System.out.println("fib(" + i + ") = " + fib(i));
        Stream.iterate(new long[] {0, 1}, p -> new long[] {p[1], p[0] + p[1]})
                .limit(15)
                .map(p -> p[0] + " ")
                .forEach(System.out::print);
        System.out.println();
        BigInteger factorial = BigInteger.ONE;
        for (int i = 2; i <= 40; i++) factorial = factorial.multiply(BigInteger.valueOf(i));
        System.out.println("40! = " + factorial + ", bits " + factorial.bitLength());
        System.out.println(new BigInteger("982451653").isProbablePrime(20));
        System.out.println(BigInteger.TWO.modPow(BigInteger.valueOf(1000), BigInteger.valueOf(1_000_007)));
    }
}
