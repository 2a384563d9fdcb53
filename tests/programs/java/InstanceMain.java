import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

public final class InstanceMain {
    private int total = 0;

    private void run(BufferedReader input) throws IOException {
        String line = input.readLine();
        while (line != null) {
            total += Integer.parseInt(line.trim());
            line = input.readLine();
        }
        System.out.println("total: " + total);
        int first = Integer.parseInt(input.readLine());
        System.out.println("first: " + first);
    }

    public static void main(final String[] args) throws IOException {
        new InstanceMain().run(new BufferedReader(new InputStreamReader(System.in)));
    }
}
