import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;

public class ProducerConsumer {
    private static final int END = -1;

    public static void main(String[] args) throws InterruptedException {
        BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(2);
        CountDownLatch done = new CountDownLatch(1);
        Thread consumer = new Thread(() -> {
            try {
                long sum = 0;
                for (int item = queue.take(); item != END; item = queue.take()) {
                    System.out.println("took " + item);
                    sum += item;
                }
                System.out.println("sum " + sum);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                done.countDown();
            }
        });
        consumer.start();
        for (int i = 1; i <= 6; i++) queue.put(i * i);
        queue.put(END);
        done.await();
        System.out.println("finished");

        Thread sleeper = new Thread(() -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                System.out.println("woken: " + e.getMessage());
            }
        });
        sleeper.start();
        sleeper.interrupt();
        sleeper.join();
    }
}
