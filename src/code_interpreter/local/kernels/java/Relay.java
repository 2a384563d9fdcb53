package code_interpreter;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * The standard streams between two cells: they lead where those of the last cell led.
 *
 * <p>jjava gives System.out and System.err to a cell while it runs. What threads print later, which
 * the cell has left behind, would go to the streams of the process, where nobody reads it.
 */
public final class Relay extends OutputStream {
    private static final Relay OUT = new Relay(System.out);
    private static final Relay ERR = new Relay(System.err);

    private volatile PrintStream target;

    private Relay(PrintStream target) {
        this.target = target;
    }

    static void install() {
        System.setOut(new PrintStream(OUT, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(ERR, true, StandardCharsets.UTF_8));
    }

    /** A cell begins, and System.out and System.err are its own. */
    public static void follow() {
        OUT.target = System.out;
        ERR.target = System.err;
    }

    @Override
    public void write(int value) {
        target.write(value);
    }

    @Override
    public void write(byte[] bytes, int start, int count) {
        target.write(bytes, start, count);
    }

    @Override
    public void flush() {
        target.flush();
    }
}
