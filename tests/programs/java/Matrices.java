import java.util.Arrays;

public class Matrices {
    static double[][] multiply(double[][] a, double[][] b) {
        if (a[0].length != b.length) {
            throw new IllegalArgumentException("sizes differ: " + a[0].length + " and " + b.length);
        }
        double[][] product = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++)
            for (int j = 0; j < b[0].length; j++)
                for (int k = 0; k < b.length; k++) product[i][j] += a[i][k] * b[k][j];
        return product;
    }

    static double determinant(double[][] m) {
        double[][] a = Arrays.stream(m).map(double[]::clone).toArray(double[][]::new);
        double result = 1;
        for (int c = 0; c < a.length; c++) {
            int pivot = c;
            for (int r = c + 1; r < a.length; r++) if (Math.abs(a[r][c]) > Math.abs(a[pivot][c])) pivot = r;
            if (a[pivot][c] == 0) return 0;
            if (pivot != c) {
                double[] swap = a[c];
                a[c] = a[pivot];
                a[pivot] = swap;
                result = -result;
            }
            result *= a[c][c];
            for (int r = c + 1; r < a.length; r++) {
                double factor = a[r][c] / a[c][c];
                for (int k = c; k < a.length; k++) a[r][k] -= factor * a[c][k];
            }
        }
        return result;
    }

    public static void main(String[] args) {
        double[][] a = {{1, 2, 3}, {0, 1, 4}, {5, 6, 0}};
        double[][] b = {{2, 0}, {1, -1}, {0.5, 3}};
        System.out.println(Arrays.deepToString(multiply(a, b)));
        System.out.printf("det = %.4f%n", determinant(a));
        int[][] jagged = new int[4][];
        for (int i = 0; i < jagged.length; i++) {
            jagged[i] = new int[i + 1];
            jagged[i][0] = jagged[i][i] = 1;
            for (int j = 1; j < i; j++) jagged[i][j] = jagged[i - 1][j - 1] + jagged[i - 1][j];
            System.out.println(Arrays.toString(jagged[i]));
        }
        System.out.println(Arrays.deepToString(multiply(b, a)));
    }
}
