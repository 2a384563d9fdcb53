package code_interpreter;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.dflib.jjava.distro.JJava;
import sun.misc.Signal;

/**
 * jjava, with an interrupt that stops the code.
 *
 * <p>jjava answers an interrupt at once and forgets the code, which may run on for ever and print
 * into later cells. Here SIGINT interrupts the thread that runs a cell, and every later part of
 * that cell, until the cell has ended. What does not listen is stopped where Java still can (before
 * 20); where it cannot, the cell just goes on, and whoever asked can see that it does.
 */
final class Kernel {
    private static final long PAUSE = 10; // milliseconds; jjava pauses for longer between two cells
    private static final long PATIENCE = 1000;

    private Kernel() {}

    public static void main(String[] arguments) throws Exception {
        // What prints between two cells finds these: execd reads them too. Whatever the locale is.
        System.setOut(utf8(FileDescriptor.out));
        System.setErr(utf8(FileDescriptor.err));
        Signal.handle(new Signal("INT"), signal -> interrupt());
        try {
            JJava.main(arguments);
        } catch (Throwable e) {
            // A port that is taken, say. Other threads would keep the JVM, and nobody would be told.
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static PrintStream utf8(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }

    private static void interrupt() {
        String struck = null;
        long since = 0;
        boolean executing = true;
        while (executing) {
            executing = false;
            long now = System.currentTimeMillis();
            for (Map.Entry<Thread, StackTraceElement[]> entry :
                    Thread.getAllStackTraces().entrySet()) {
                executing |= handlesRequest(entry.getValue());
                String snippet = snippet(entry.getValue());
                if (snippet == null) {
                    continue;
                }
                if (!snippet.equals(struck)) {
                    struck = snippet;
                    since = now;
                    entry.getKey().interrupt();
                } else if (now - since > PATIENCE && !stopped(entry.getKey())) {
                    return;
                }
            }
            try {
                Thread.sleep(PAUSE);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    @SuppressWarnings({"deprecation", "removal"})
    private static boolean stopped(Thread thread) {
        try {
            thread.stop();
            return true;
        } catch (UnsupportedOperationException | NoSuchMethodError e) {
            return false;
        }
    }

    private static boolean handlesRequest(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (frame.getMethodName().equals("handleExecuteRequest")
                    && frame.getClassName().startsWith("org.dflib.jjava.")) {
                return true;
            }
        }
        return false;
    }

    /** The class of the part of a cell that a thread runs for jjava, which no other part has. */
    private static String snippet(StackTraceElement[] stack) {
        String outermost = null;
        boolean forKernel = false;
        for (StackTraceElement frame : stack) {
            String name = frame.getClassName();
            if (name.startsWith("REPL.")) {
                outermost = name;
            }
            forKernel |= name.startsWith("org.dflib.jjava.kernel.execution.");
        }
        return forKernel ? outermost : null;
    }
}
