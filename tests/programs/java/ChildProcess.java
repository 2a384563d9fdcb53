import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;

public class ChildProcess {
    public static void main(String[] args) throws Exception {
        Process upper = new ProcessBuilder("tr", "a-z", "A-Z").start();
        try (OutputStream in = upper.getOutputStream()) {
            in.write("to the child\n".getBytes());
        }
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(upper.getInputStream()))) {
            System.out.println(reader.readLine());
        }
        System.out.println("status " + upper.waitFor());
        Process failing = new ProcessBuilder("sh", "-c", "echo oops >&2; exit 7").redirectErrorStream(true).start();
        System.out.println(new String(failing.getInputStream().readAllBytes()).trim() + " " + failing.waitFor());
        new ProcessBuilder("sh", "-c", "echo inherited >&2").redirectError(ProcessBuilder.Redirect.INHERIT).start().waitFor();
        try {
            new ProcessBuilder("no-such-command-here").start();
        } catch (java.io.IOException e) {
            System.out.println(e.getMessage().contains("no-such-command-here"));
        }
    }
}
