package org.dflib.jjava.jupyter.channels;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
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
 * interrupts. Who prints faster than that has to wait. At the JVM's end, what waits is still sent.
 */
public class IOPubChannel extends JupyterSocket {
    private static final int LIMIT = 10_000;
    private static final int LAST_WORDS = 20; // milliseconds for ZeroMQ's own thread

    private final BlockingQueue<Message<?>> waiting = new LinkedBlockingQueue<>();
    private final Semaphore room = new Semaphore(LIMIT);

    public IOPubChannel(ZMQ.Context context, HMACGenerator hmacGenerator) {
        super(context, SocketType.PUB, hmacGenerator, LoggerFactory.getLogger(IOPubChannel.class));
        setSndHWM(0);
        Thread sender = new Thread(this::send, "iopub");
        sender.setDaemon(true);
        sender.start();
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
        room.acquireUninterruptibly();
        waiting.add(message);
    }

    private void send() {
        try {
            while (true) {
                super.sendMessage(waiting.take());
                room.release();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void finish() {
        try {
            if (room.tryAcquire(LIMIT, 1, TimeUnit.SECONDS)) {
                Thread.sleep(LAST_WORDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
