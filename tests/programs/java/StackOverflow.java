public class StackOverflow {
    static long depth = 0;

    static long descend(long n) {
        depth = n;
        return descend(n + 1) + 1;
    }

    public static void main(String[] args) {
        try {
            descend(0);
        } catch (StackOverflowError e) {
            System.out.println("too deep: " + (depth > 500));
        }
        descend(0);
    }
}
