public class ManyLines {
    public static void main(String[] args) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < 20_000; i++) {
            System.out.println("line " + i);
            if (i % 1000 == 0) line.append("é日😀".repeat(200));
        }
        System.out.println(line);
        for (int i = 0; i < 1000; i++) System.err.print(i % 100 == 99 ? i + "\n" : ".");
    }
}
