import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

public class Regexes {
    private static final Pattern LOG =
            Pattern.compile("^(?<day>\\d{4}-\\d\\d-\\d\\d) \\[(?<level>[A-Z]+)] (?<rest>.*)$", Pattern.MULTILINE);

    public static void main(String[] args) {
        String log = "2024-01-05 [INFO] started\nnoise\n2024-01-06 [ERROR] disk \"/dev/sda\" is full\n";
        Matcher matcher = LOG.matcher(log);
        while (matcher.find()) {
            System.out.printf("%s %-5s %s (%d-%d)%n", matcher.group("day"), matcher.group("level"),
                    matcher.group("rest"), matcher.start(), matcher.end());
        }
        String mail = "Ask ann@example.com or bob.b@mail.example.org.";
        System.out.println(Pattern.compile("[\\w.]+@[\\w.]+\\w").matcher(mail).results()
                .map(result -> result.group().toLowerCase()).collect(Collectors.toList()));
        System.out.println("2024-01-05".replaceAll("(\\d+)-(\\d+)-(\\d+)", "$3.$2.$1"));
        System.out.println(Pattern.compile("\\b\\w").matcher("make title case").replaceAll(m -> m.group().toUpperCase()));
        System.out.println("a1b22c333".split("\\d+").length + " " + "x".matches("[a-w]") + " " + "aaa".replaceFirst("a", "\\$"));
        try {
            Pattern.compile("(unclosed");
        } catch (PatternSyntaxException e) {
            System.out.println(e.getDescription() + " at " + e.getIndex());
        }
        System.out.println(Pattern.compile("[z-a]"));
    }
}
