import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

public class SortingWays {
    static void quick(int[] a, int low, int high) {
        if (low >= high) return;
        int pivot = a[(low + high) >>> 1], i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) {
                int swap = a[i];
                a[i++] = a[j];
                a[j--] = swap;
            }
        }
        quick(a, low, j);
        quick(a, i, high);
    }

    static int[] merge(int[] a) {
        if (a.length < 2) return a;
        int[] left = merge(Arrays.copyOf(a, a.length / 2)), right = merge(Arrays.copyOfRange(a, a.length / 2, a.length));
        int[] all = new int[a.length];
        for (int i = 0, l = 0, r = 0; i < all.length; i++)
            all[i] = r == right.length || l < left.length && left[l] <= right[r] ? left[l++] : right[r++];
        return all;
    }

    public static void main(String[] args) {
        int[] numbers = new Random(42).ints(12, -50, 50).toArray();
        System.out.println(Arrays.toString(numbers));
        System.out.println(Arrays.toString(merge(numbers)));
        int[] copy = numbers.clone();
        quick(copy, 0, copy.length - 1);
        System.out.println(Arrays.equals(copy, merge(numbers)) + " " + Arrays.binarySearch(copy, copy[4]));
        String[] words = {"banana", "Apple", "cherry", "apple", "fig", null};
        Arrays.sort(words, Comparator.nullsFirst(String.CASE_INSENSITIVE_ORDER.thenComparing(Comparator.naturalOrder())));
        System.out.println(Arrays.toString(words));
        List<Integer> shuffled = Arrays.asList(1, 2, 3, 4, 5, 6, 7);
        Collections.shuffle(shuffled, new Random(7));
        System.out.println(shuffled);
        Collections.rotate(shuffled, 2);
        Collections.swap(shuffled, 0, 6);
        System.out.println(shuffled + " " + Collections.max(shuffled));
    }
}
