public class UncaughtChecked {
    static class NegativeException extends Exception {
        NegativeException(int n) {
            super("negative: " + n + "\nand this is a second line");
        }
    }

    static int root(int n) throws NegativeException {
        if (n < 0) throw new NegativeException(n);
        return (int) Math.sqrt(n);
    }

    public static void main(String[] args) throws Exception {
        System.out.println(root(16));
        System.out.print("an unfinished line");
        root(-4);
    }
}
