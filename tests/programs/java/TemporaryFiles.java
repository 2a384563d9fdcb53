import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

public class TemporaryFiles {
    public static void main(String[] args) throws IOException {
        Path folder = Files.createTempDirectory("programs");
        try {
            Path notes = folder.resolve("notes.txt");
            Files.write(notes, List.of("first", "second – é", "third"));
            Files.writeString(notes, "fourth\n", StandardOpenOption.APPEND);
            try (BufferedReader reader = Files.newBufferedReader(notes)) {
                String line;
                for (int number = 1; (line = reader.readLine()) != null; number++) System.out.println(number + ": " + line);
            }
            Path deep = Files.createDirectories(folder.resolve("a/b"));
            Files.copy(notes, deep.resolve("copy.txt"));
            try (PrintWriter writer = new PrintWriter(new FileWriter(deep.resolve("out.csv").toFile(), StandardCharsets.UTF_8))) {
                writer.printf("%d,%s%n", 1, "x");
            }
            try (Stream<Path> all = Files.walk(folder)) {
                System.out.println(all.map(p -> folder.relativize(p).toString()).sorted().collect(Collectors.toList()));
            }
            System.out.println(Files.size(notes) + " " + Files.isDirectory(deep) + " " + Files.readString(deep.resolve("out.csv")).trim());
            try {
                Files.readString(folder.resolve("missing"));
            } catch (NoSuchFileException e) {
                System.out.println("missing: " + Path.of(e.getFile()).getFileName());
            }
        } finally {
            try (Stream<Path> all = Files.walk(folder)) {
                all.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
        System.out.println(Files.exists(folder));
    }
}
