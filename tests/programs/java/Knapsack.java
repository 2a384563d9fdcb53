import java.util.Arrays;

public class Knapsack {
    static int knapsack(int[] weights, int[] values, int limit) {
        int[] best = new int[limit + 1];
        for (int item = 0; item < weights.length; item++)
            for (int room = limit; room >= weights[item]; room--)
                best[room] = Math.max(best[room], best[room - weights[item]] + values[item]);
        return best[limit];
    }

    static String commonSubsequence(String a, String b) {
        int[][] length = new int[a.length() + 1][b.length() + 1];
        for (int i = a.length() - 1; i >= 0; i--)
            for (int j = b.length() - 1; j >= 0; j--)
                length[i][j] = a.charAt(i) == b.charAt(j)
                        ? 1 + length[i + 1][j + 1]
                        : Math.max(length[i + 1][j], length[i][j + 1]);
        StringBuilder found = new StringBuilder();
        for (int i = 0, j = 0; i < a.length() && j < b.length(); ) {
            if (a.charAt(i) == b.charAt(j)) {
                found.append(a.charAt(i++));
                j++;
            } else if (length[i + 1][j] >= length[i][j + 1]) i++;
            else j++;
        }
        return found.toString();
    }

    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        Arrays.setAll(row, i -> i);
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0]++;
            for (int j = 1; j <= b.length(); j++) {
                int cost = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(cost, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }

    public static void main(String[] args) {
        System.out.println(knapsack(new int[] {1, 3, 4, 5}, new int[] {1, 4, 5, 7}, 7));
        System.out.println(commonSubsequence("AGGTABQWERTY", "GXTXAYBWRY"));
        System.out.println(distance("kitten", "sitting") + " " + distance("", "abc"));
        long[] ways = new long[101];
        ways[0] = 1;
        for (int coin : new int[] {1, 5, 10, 25, 50}) for (int sum = coin; sum <= 100; sum++) ways[sum] += ways[sum - coin];
        System.out.println("ways to change 100: " + ways[100]);
    }
}
