package org.dflib.jjava.jupyter.channels;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;

/**
 * Takes the place of jjava's class of this name, and stays attached when a cell has ended.
 *
 * <p>Who has kept the System.out of the cell, a thread or a logger, may print on. jjava's drops that.
 */
public class JupyterOutputStream extends ByteArrayOutputStream {
    private final BiConsumer<ShellReplyEnvironment, String> write;
    private volatile ShellReplyEnvironment env;

    public JupyterOutputStream(
            ShellReplyEnvironment env, BiConsumer<ShellReplyEnvironment, String> write) {
        this.env = env;
        this.write = write;
    }

    public JupyterOutputStream(BiConsumer<ShellReplyEnvironment, String> write) {
        this(null, write);
    }

    public void setEnv(ShellReplyEnvironment env) {
        this.env = env;
    }

    public void retractEnv(ShellReplyEnvironment env) {}

    public boolean isAttached() {
        return env != null;
    }

    @Override
    public synchronized void flush() {
        if (env != null && size() > 0) {
            write.accept(env, toString(StandardCharsets.UTF_8));
        }
        reset();
    }
}
