import java.util.ArrayList;
import java.util.List;

public class ArrayBounds {
    static void attempt(String name, Runnable action) {
        try {
            action.run();
            System.out.println(name + ": fine");
        } catch (RuntimeException e) {
            System.out.println(name + ": " + e.getClass().getName() + ": " + e.getMessage());
        }
    }

    public static void main(String[] args) {
        int[] numbers = {1, 2, 3};
        Object text = "text";
        attempt("index", () -> System.out.println(numbers[3]));
        attempt("divide", () -> System.out.println(1 / (numbers[0] - 1)));
        attempt("cast", () -> System.out.println((Integer) text));
        attempt("parse", () -> Integer.parseInt("12a"));
        attempt("immutable", () -> List.of(1).add(2));
        attempt("list", () -> new ArrayList<>(List.of(7)).get(1));
        attempt("negative", () -> System.out.println(new int[-1].length));
        attempt("store", () -> {
            Object[] objects = new String[1];
            objects[0] = 1;
        });
        attempt("ok", () -> {});
        numbers[numbers.length] = 4;
    }
}
