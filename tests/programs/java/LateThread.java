public class LateThread {
    public static void main(String[] args) {
        Thread thread = new Thread(() -> {
            for (int i = 0; i < 3; i++) {
                try {
                    Thread.sleep(50);
                } catch (InterruptedException e) {
                    return;
                }
                System.out.println("tick " + i);
            }
        });
        thread.start();
        System.out.println("main is over");
    }
}
