import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;

public class Logging {
    enum Level { DEBUG, INFO, ERROR }

    private static Level threshold = Level.INFO;

    static void log(Level level, String format, Object... values) {
        if (level.compareTo(threshold) < 0) return;
        PrintStream to = level == Level.ERROR ? System.err : System.out;
        to.printf("[%s] " + format + "%n", prepend(level, values));
    }

    private static Object[] prepend(Object first, Object[] rest) {
        Object[] all = new Object[rest.length + 1];
        all[0] = first;
        System.arraycopy(rest, 0, all, 1, rest.length);
        return all;
    }

    public static void main(String[] args) {
        log(Level.DEBUG, "hidden");
        log(Level.INFO, "%d of %s", 3, "five");
        log(Level.ERROR, "disk at %.1f%%", 99.5);
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true));
        System.out.println("captured");
        System.setOut(before);
        System.out.println("restored, had: " + bytes.toString().trim());
        StringWriter writer = new StringWriter();
        new IllegalArgumentException("shown").printStackTrace(new PrintWriter(writer));
        System.out.println(writer.toString().lines().findFirst().get());
        System.out.write('x');
        System.out.write('\n');
        System.out.flush();
        System.out.append("appended ").append('c').println();
        System.out.println(new char[] {'c', 'h'});
        System.out.println((Object) null);
    }
}
