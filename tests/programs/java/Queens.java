import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

public class Queens {
    private static int solutions;

    static void place(int[] columns, int row) {
        if (row == columns.length) {
            if (solutions++ == 0) show(columns);
            return;
        }
        for (int column = 0; column < columns.length; column++) {
            boolean free = true;
            for (int r = 0; r < row && free; r++) {
                free = columns[r] != column && Math.abs(columns[r] - column) != row - r;
            }
            if (free) {
                columns[row] = column;
                place(columns, row + 1);
            }
        }
    }

    static void show(int[] columns) {
        for (int column : columns) {
            char[] line = ".".repeat(columns.length).toCharArray();
            line[column] = 'Q';
            System.out.println(line);
        }
    }

    static int hanoi(int n, char from, char to, char via) {
        if (n == 0) return 0;
        int moves = hanoi(n - 1, from, via, to);
        if (n == 3) System.out.println("disk 3: " + from + " to " + to);
        return moves + 1 + hanoi(n - 1, via, to, from);
    }

    static <T> List<List<T>> permutations(List<T> items) {
        if (items.isEmpty()) return Collections.singletonList(new ArrayList<>());
        List<List<T>> all = new ArrayList<>();
        for (T item : items) {
            List<T> rest = new ArrayList<>(items);
            rest.remove(item);
            for (List<T> tail : permutations(rest)) {
                tail.add(0, item);
                all.add(tail);
            }
        }
        return all;
    }

    public static void main(String[] args) {
        place(new int[8], 0);
        System.out.println(solutions + " solutions");
        System.out.println(hanoi(5, 'A', 'C', 'B'));
        System.out.println(permutations(List.of(1, 2, 3)));
    }
}
