package org.dflib.jjava.jupyter.channels;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.dflib.jjava.jupyter.kernel.KernelConnectionProperties;
import org.dflib.jjava.jupyter.messages.HMACGenerator;
import org.dflib.jjava.jupyter.messages.Message;
import org.dflib.jjava.shaded.org.slf4j.LoggerFactory;
import org.dflib.jjava.shaded.org.zeromq.SocketType;
import org.dflib.jjava.shaded.org.zeromq.ZMQ;

/**
 * Takes the place of jjava's class of this name, and loses nothing.
 *
 * <p>jjava's drops what is broadcast while a thousand messages wait: a loop that prints is enough
 * for that. And it sends in whichever thread prints, where an interrupt cuts a message in two. Here
 * there is no limit at which messages are dropped, and a thread of its own sends them, which nobody
 * interrupts. Who prints faster than that has to wait. At the JVM's end, behind all hooks of the
 * user's, what waits is still sent, and the JVM goes on when it has left: for that, the channel has a
 * ZeroMQ of its own, which can be ended alone.
 *
 * <p>Who prints may be ended by Thread.stop at any point, so that it holds no lock and stands in no
 * queue of a lock: a dead thread in one of those keeps all others waiting for ever.
 */
public class IOPubChannel extends JupyterSocket {
    private static final int LIMIT = 10_000;
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(1);
    // At the end: for the queue, on a busy machine, then for a client that reads slowly.
    private static final int PATIENCE = 5000; // milliseconds
    private static final int LAST_HOOK = 6; // of the JVM's ten places: the user's hooks are in the second

    private final Queue<Message<?>> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger(); // of those that wait, nearly
    private final Thread sender = new Thread(this::send, "iopub");
    private volatile boolean sending;

    public IOPubChannel(ZMQ.Context context, HMACGenerator hmacGenerator) {
        super(context, SocketType.PUB, hmacGenerator, LoggerFactory.getLogger(IOPubChannel.class));
        setSndHWM(0);
        sender.setDaemon(true);
        sender.start();
        finishLast();
    }

    /** Have `finish` called behind all hooks of the user's, which may print; or among them. */
    private void finishLast() {
        for (String name : new String[] {"jdk.internal.access", "jdk.internal.misc"}) { // Java 11
            try {
                Object access = Class.forName(name + ".SharedSecrets")
                        .getMethod("getJavaLangAccess")
                        .invoke(null);
                Class.forName(name + ".JavaLangAccess")
                        .getMethod("registerShutdownHook", int.class, boolean.class, Runnable.class)
                        .invoke(access, LAST_HOOK, false, (Runnable) this::finish);
                return;
            } catch (ReflectiveOperationException | RuntimeException e) {
                // The other name, or none.
            }
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::finish));
    }

    @Override
    public void bind(KernelConnectionProperties connection) {
        bind(formatAddress(
                connection.getTransport(), connection.getIp(), connection.getIopubPort()));
    }

    // Not synchronized, as it is above: whoever prints would wait for a whole send.
    @Override
    public void sendMessage(Message<?> message) {
        boolean interrupted = false;
        while (count.get() >= LIMIT) {
            interrupted |= Thread.interrupted(); // it would not pause otherwise
            LockSupport.parkNanos(PAUSE);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        count.incrementAndGet();
        waiting.add(message);
        LockSupport.unpark(sender);
    }

    private void send() {
        while (true) {
            sending = true;
            Message<?> message = waiting.poll();
            if (message == null) {
                // Exact again: a thread that was stopped may have counted what it never added.
                count.set(0);
                sending = false;
                LockSupport.park(this);
            } else {
                super.sendMessage(message);
                count.decrementAndGet();
            }
        }
    }

    private void finish() {
        long start = System.nanoTime();
        long end = TimeUnit.MILLISECONDS.toNanos(PATIENCE);
        while ((sending || !waiting.isEmpty()) && System.nanoTime() - start < end) {
            LockSupport.parkNanos(PAUSE);
        }
        setLinger(PATIENCE);
        close();
        ctx.close(); // returns when all has left
    }
}
