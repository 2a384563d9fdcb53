import java.io.IOException;

public class UncaughtCause {
    static class ConfigException extends RuntimeException {
        ConfigException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    static String load(String name) {
        try {
            if (name.endsWith(".missing")) throw new IOException("no such file: " + name);
            return name;
        } catch (IOException e) {
            throw new ConfigException("cannot load " + name, e);
        } finally {
            System.out.println("finally of " + name);
        }
    }

    public static void main(String[] args) {
        System.out.println(load("a.conf"));
        System.err.println("about to fail");
        System.out.println(load("b.missing"));
        System.out.println("never");
    }
}
