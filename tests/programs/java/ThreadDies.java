public class ThreadDies {
    public static void main(String[] args) throws InterruptedException {
        Thread thread = new Thread(() -> {
            System.out.println("in the thread");
            throw new IllegalStateException("nobody catches this");
        });
        thread.setUncaughtExceptionHandler((t, e) -> System.err.println("died of " + e.getMessage()));
        thread.start();
        thread.join();
        System.out.println("alive: " + thread.isAlive());
    }
}
