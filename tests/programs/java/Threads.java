import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Threads {
    private int plain;

    synchronized void add() {
        plain++;
    }

    public static void main(String[] args) throws Exception {
        Threads counter = new Threads();
        AtomicInteger atomic = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Thread thread = new Thread(() -> {
                for (int j = 0; j < 1000; j++) {
                    counter.add();
                    atomic.incrementAndGet();
                }
            }, "worker-" + i);
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) thread.join();
        System.out.println(counter.plain + " " + atomic);

        ExecutorService pool = Executors.newFixedThreadPool(3);
        List<Future<Integer>> futures = new ArrayList<>();
        for (int i = 1; i <= 5; i++) {
            final int n = i;
            futures.add(pool.submit(() -> n * n));
        }
        for (Future<Integer> future : futures) System.out.print(future.get() + " ");
        System.out.println();
        Future<String> failing = pool.submit(() -> {
            if (true) throw new java.io.IOException("in the pool");
            return "";
        });
        try {
            failing.get();
        } catch (ExecutionException e) {
            System.out.println(e.getMessage() + " | " + e.getCause());
        }
        pool.shutdown();
        System.out.println(pool.awaitTermination(5, TimeUnit.SECONDS));
        CompletableFuture<String> chain = CompletableFuture.supplyAsync(() -> 20)
                .thenCombine(CompletableFuture.supplyAsync(() -> 22), Integer::sum)
                .thenApply(sum -> "sum " + sum);
        System.out.println(chain.get());
    }
}
