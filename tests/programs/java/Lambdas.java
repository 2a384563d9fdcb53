import java.util.*;
import java.util.function.*;

public class Lambdas {
    @FunctionalInterface
    interface TriFunction<A, B, C, R> {
        R apply(A a, B b, C c);

        default <S> TriFunction<A, B, C, S> then(Function<? super R, ? extends S> next) {
            return (a, b, c) -> next.apply(apply(a, b, c));
        }
    }

    static Supplier<Integer> counter() {
        int[] count = {0};
        return () -> ++count[0];
    }

    static <A, B, C> Function<A, Function<B, C>> curry(BiFunction<A, B, C> f) {
        return a -> b -> f.apply(a, b);
    }

    public static void main(String[] args) {
        Supplier<Integer> first = counter(), second = counter();
        System.out.println(first.get() + first.get() + second.get());
        System.out.println(curry((Integer a, Integer b) -> a * b).apply(6).apply(7));
        TriFunction<Integer, Integer, Integer, Integer> sum = (a, b, c) -> a + b + c;
        System.out.println(sum.then(n -> "sum is " + n).apply(1, 2, 3));
        Map<String, IntBinaryOperator> operators = new LinkedHashMap<>();
        operators.put("+", Integer::sum);
        operators.put("max", Math::max);
        operators.put("^", (a, b) -> a ^ b);
        operators.forEach((name, f) -> System.out.println("6 " + name + " 3 = " + f.applyAsInt(6, 3)));
        Predicate<String> empty = String::isEmpty;
        System.out.println(empty.negate().and(s -> s.length() < 4).test("abc"));
        UnaryOperator<String> shout = String::toUpperCase;
        System.out.println(shout.andThen(s -> s + "!").compose((Object o) -> "<" + o + ">").apply(5));
        Function<Integer, int[]> makeArray = int[]::new;
        System.out.println(makeArray.apply(3).length);
        List<Runnable> later = new ArrayList<>();
        for (String s : List.of("x", "y")) later.add(() -> System.out.print(s));
        later.forEach(Runnable::run);
        System.out.println(Optional.of("v").map(String::length).filter(n -> n > 1).isPresent());
    }
}
