public class ExitThree {
    public static void main(String[] args) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        System.out.println("before");
        System.err.println("fatal: giving up");
        try {
            System.exit(3);
        } finally {
            System.out.println("never");
        }
    }
}
